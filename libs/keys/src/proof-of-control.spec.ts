import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { SigningKey, sha256, toUtf8Bytes } from 'ethers';
import { controlDigest, verifyControl, type ControlStatement } from './proof-of-control.js';

const key = new SigningKey(createHash('sha256').update('a key of the test').digest());
const publicKey = key.compressedPublicKey.slice(2);
const statement: ControlStatement = { nonce: 'ab'.repeat(32), wallet: 'alpha-btc', address: 'bcrt1qexample' };
/** By ethers, which signs low-S (EIP-2). */
const signed = (said: ControlStatement): Uint8Array => {
  const { r, s } = key.sign(controlDigest(said));
  return Buffer.from(`${r.slice(2)}${s.slice(2)}`, 'hex');
};

describe('a proof of control', () => {
  it('is over the domain tag and the statement, as anybody can compute', () => {
    const text = `bulkhead/proof-of-control/v1\n{"address":"bcrt1qexample","nonce":"${'ab'.repeat(32)}","wallet":"alpha-btc"}`;
    expect(`0x${Buffer.from(controlDigest(statement)).toString('hex')}`).toBe(sha256(toUtf8Bytes(text)));
  });

  it('holds for the statement that was signed', () => {
    expect(verifyControl(publicKey, statement, signed(statement))).toMatchObject({ ok: true });
  });

  it.each<[string, Partial<ControlStatement>]>([
    ['another nonce: an old proof', { nonce: 'cd'.repeat(32) }],
    ['another wallet', { wallet: 'beta-btc' }],
    ['another address', { address: 'bcrt1qanother' }],
  ])('does not hold for %s', (_what, change) => {
    const answer = verifyControl(publicKey, { ...statement, ...change }, signed(statement));
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'keys.signature-invalid' } });
  });

  it('does not hold with any bit of the signature changed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        const signature = Buffer.from(signed(statement));
        signature.writeUInt8(signature.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        return !verifyControl(publicKey, statement, signature).ok;
      }),
      { numRuns: 64 },
    );
  });

  it('takes nothing else for a statement', () => {
    for (const odd of [
      { ...statement, nonce: 'ab' },
      { ...statement, address: 'a b' },
      { ...statement, more: 1 },
    ])
      expect(() => controlDigest(odd)).toThrow();
  });
});
