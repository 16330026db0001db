import { generateKeyPairSync, webcrypto } from 'node:crypto';
import type { Digest } from '@bulkhead/intent';
import fc from 'fast-check';
import { memberKeySchema, type MemberKey } from './member-key.js';
import { isP256Key, p256PublicKey } from './p256.js';
import {
  approvalChallenge,
  approvalSchema,
  signStatement,
  statementSchema,
  verifySignature,
  type Approval,
  type Statement,
} from './statement.js';

const newPem = (namedCurve = 'P-256'): string =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

const STATEMENT: Statement = {
  v: 1,
  decision: 'APPROVE',
  firm: 'f0'.repeat(32) as Digest,
  intent: '1a'.repeat(32) as Digest,
  payload: '2b'.repeat(32) as Digest,
  charterSequence: 7,
  member: 'omar',
  key: 'omar-key',
  expiresAt: '2026-01-03T03:04:05.000Z',
};
const pem = newPem();
const key: MemberKey = { id: 'omar-key', scheme: 'p256', publicKey: p256PublicKey(pem) };
const approval = signStatement(STATEMENT, pem);

const refusedAs = (changed: Approval, by: MemberKey = key): string => {
  const verdict = verifySignature(changed, by);
  return verdict.ok ? 'accepted' : verdict.refusal.code;
};
const withSignature = (value: string): Approval => ({ ...approval, signature: { scheme: 'p256', value } });
const flipBit = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
};

describe('a signed statement', () => {
  it('is accepted from the key that signed it', () => {
    expect(approvalSchema.parse(approval)).toEqual(approval);
    expect(verifySignature(approval, key)).toEqual({ ok: true, value: STATEMENT });
  });

  it('is what a browser signs and checks with WebCrypto', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const pair = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const exported = await webcrypto.subtle.exportKey('pkcs8', pair.privateKey);
    const body = Buffer.from(exported).toString('base64');
    const theirPem = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
    const theirKey: MemberKey = { ...key, publicKey: p256PublicKey(theirPem) };
    const challenge = Buffer.from(approvalChallenge(STATEMENT), 'hex');

    const theirs = Buffer.from(await webcrypto.subtle.sign(algorithm, pair.privateKey, challenge));
    expect(refusedAs(withSignature(theirs.toString('hex')), theirKey)).toBe('accepted');
    const ours = Buffer.from(signStatement(STATEMENT, theirPem).signature.value, 'hex');
    expect(await webcrypto.subtle.verify(algorithm, pair.publicKey, ours, challenge)).toBe(true);
  });

  it('is refused from any other key', () => {
    expect(refusedAs(approval, { ...key, publicKey: p256PublicKey(newPem()) })).toBe('approval.bad-signature');
  });

  it('is refused from a key that is no point of the curve, without throwing', () => {
    // x = 2^256 - 1 is above the field prime of P-256
    expect(refusedAs(approval, { ...key, publicKey: `02${'f'.repeat(64)}` })).toBe('approval.bad-signature');
  });

  it('is refused when any bit of the signature is another', () => {
    const bytes = Buffer.from(approval.signature.value, 'hex');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        expect(refusedAs(withSignature(flipBit(bytes, bit).toString('hex')))).toBe('approval.bad-signature');
      }),
    );
  });

  it('is refused when any bit of the public key is another', () => {
    const bytes = Buffer.from(key.publicKey, 'hex');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 263 }), (bit) => {
        const other = { ...key, publicKey: flipBit(bytes, bit).toString('hex') };
        expect(refusedAs(approval, other)).toBe('approval.bad-signature');
      }),
    );
  });

  it('is refused when any bit of the statement is another', () => {
    const fields = Object.keys(STATEMENT) as (keyof Statement)[];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.nat(), (field, position) => {
        const value = STATEMENT[field];
        const other =
          typeof value === 'number'
            ? value ^ (1 << (position % 31))
            : flipBit(Buffer.from(value), position % (value.length * 8)).toString('latin1');
        expect(refusedAs({ ...approval, statement: { ...STATEMENT, [field]: other } })).toBe('approval.bad-signature');
      }),
    );
  });

  it.each(['00'.repeat(64), 'ff'.repeat(64), '', 'ab', `${'00'.repeat(63)}01`])('is refused as %j', (value) => {
    expect(refusedAs(withSignature(value))).toBe('approval.bad-signature');
  });
});

describe('what is read as a statement', () => {
  it('has no field that is not known, and lacks none', () => {
    expect(statementSchema.safeParse({ ...STATEMENT, note: '' }).success).toBe(false);
    expect(approvalSchema.safeParse({ ...approval, note: '' }).success).toBe(false);
    for (const field of Object.keys(STATEMENT))
      expect(statementSchema.safeParse({ ...STATEMENT, [field]: undefined }).success).toBe(false);
  });

  it.each([
    { v: 2 },
    { decision: 'MAYBE' },
    { charterSequence: -1 },
    { charterSequence: 1.5 },
    { charterSequence: '7' },
    { intent: '1A'.repeat(32) },
    { member: 'Omar' },
    { expiresAt: 'never' },
  ])('is refused with %j', (changes) => {
    expect(statementSchema.safeParse({ ...STATEMENT, ...changes }).success).toBe(false);
  });

  it('has a signature of 64 bytes in lower-case hex', () => {
    const { value } = approval.signature;
    for (const other of [value.slice(2), `${value}00`, `${value.slice(0, -2)}AB`, `0x${value}`])
      expect(approvalSchema.safeParse(withSignature(other)).success).toBe(false);
  });
});

describe('a P-256 key', () => {
  it('is a compressed point, the same that Node exports', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const parity = Buffer.from(y, 'base64url').at(-1)! % 2 === 0 ? '02' : '03';
    expect(isP256Key(`${parity}${Buffer.from(x, 'base64url').toString('hex')}`)).toBe(true);
  });

  it.each([
    ['above the field prime', `02${'f'.repeat(64)}`],
    ['of no point of the curve', `02${'0'.repeat(63)}1`],
    // the generator of secp256k1 (SEC 2): not on P-256
    ['of another curve', '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'],
    ['empty', ''],
  ])('is refused when its x is %s', (_, publicKey) => {
    expect(isP256Key(publicKey)).toBe(false);
  });

  it('is read from a P-256 private key only', () => {
    expect(() => p256PublicKey(newPem('secp256k1'))).toThrow('not a P-256 key');
    expect(memberKeySchema.safeParse({ ...key, publicKey: `04${'ab'.repeat(64)}` }).success).toBe(false);
  });
});
