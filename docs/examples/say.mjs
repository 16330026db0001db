// say.mjs: signs one statement with a member's key. What `CustodyClient` (apps/cli/src/api) does, in plain Node.
import { createHash, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import canonicalize from 'canonicalize';

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
export const digest = (tag, value) => {
  const t = sha256(Buffer.from(tag));
  return sha256(t, t, Buffer.from(canonicalize(value))).toString('hex');
};

/** @param terms {firm, intent, payload, charterSequence} */
export function say(member, decision, terms) {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const statement = { v: 1, decision, ...terms, member, key: `${member}-1`, expiresAt };
  const challenge = Buffer.from(digest('bulkhead/approval/v1', statement), 'hex');
  const key = readFileSync(`${process.env.STATE ?? '.bulkhead'}/members/${member}.pem`);
  const value = sign('sha256', challenge, { key, dsaEncoding: 'ieee-p1363' }).toString('hex');
  return { statement, signature: { scheme: 'p256', value } };
}
