import { schnorr } from '@noble/curves/secp256k1.js';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { enrolMembers, generate, membersOf } from '../../test/frost-members.js';
import { outputKey, proveShareControl, verifyShareControl, type FrostKey, type ShareStatement } from './index.js';

beforeAll(enrolMembers);

const said = { nonce: 'ab'.repeat(32), wallet: 'alpha-tap', address: 'bcrt1pexample' };
const codeOf = (key: FrostKey, statement: ShareStatement, signature: Uint8Array): string => {
  const verified = verifyShareControl(key.group, statement, signature);
  return verified.ok ? 'accepted' : verified.refusal.code;
};

describe('a proof of a share', () => {
  let keys: ReadonlyMap<string, FrostKey>;
  let first: FrostKey;
  beforeAll(() => {
    keys = generate(2, membersOf(3));
    first = keys.get('signer-a')!;
  });

  it('holds for each member, whatever the parity of its point', () => {
    for (let round = 0; round < 6; round += 1)
      for (const [member, key] of generate(2, membersOf(3)))
        expect(codeOf(key, { ...said, member }, proveShareControl(key, said))).toBe('accepted');
  });

  it('is BIP-340 over a tagged statement that anybody can compute, under the share’s point alone', () => {
    const key = outputKey(first.group);
    const text = `bulkhead/proof-of-share/v1\n{"address":"bcrt1pexample","epoch":0,"key":"${key}","member":"signer-a","nonce":"${said.nonce}","wallet":"alpha-tap"}`;
    const digest = createHash('sha256').update(text).digest();
    const signature = proveShareControl(first, said);
    const point = Buffer.from(first.group.verifyingShares[0]!.slice(2), 'hex');
    expect(schnorr.verify(signature, digest, point)).toBe(true);
    // nothing that a coin of the group could be spent by
    expect(schnorr.verify(signature, digest, Buffer.from(key, 'hex'))).toBe(false);
  });

  it.each<[string, Partial<ShareStatement>]>([
    ['another nonce: an old proof', { nonce: 'cd'.repeat(32) }],
    ['another wallet', { wallet: 'beta-tap' }],
    ['another address', { address: 'bcrt1panother' }],
    ['another member', { member: 'signer-b' }],
    ['nobody of the group', { member: 'signer-e' }],
  ])('does not hold for %s', (_what, change) => {
    const statement = { ...said, member: 'signer-a', ...change };
    expect(codeOf(first, statement, proveShareControl(first, said))).toBe('keys.signature-invalid');
  });

  it('does not hold for another epoch of the group', () => {
    const later = { ...first, group: { ...first.group, epoch: 1 } };
    expect(codeOf(later, { ...said, member: 'signer-a' }, proveShareControl(first, said))).toBe(
      'keys.signature-invalid',
    );
  });

  it('does not hold with any bit of it changed, or of another length', () => {
    const signature = proveShareControl(first, said);
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const changed = Uint8Array.from(signature);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(codeOf(first, { ...said, member: 'signer-a' }, changed)).toBe('keys.signature-invalid');
      }),
      { numRuns: 60 },
    );
    expect(codeOf(first, { ...said, member: 'signer-a' }, signature.slice(1))).toBe('keys.signature-invalid');
  });
});
