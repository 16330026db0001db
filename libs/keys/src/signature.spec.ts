import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { Signature } from 'ethers';
import * as secp256k1 from 'tiny-secp256k1';
import { CURVE_ORDER, isLowS, normaliseLowS, verifyLowS } from './signature.js';
import { signatureFromDer, signatureToDer } from './signature-der.js';

const scalar = fc.bigInt({ min: 1n, max: CURVE_ORDER - 1n });
const bytes32 = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const join = (r: bigint, s: bigint): Uint8Array => Buffer.concat([bytes32(r), bytes32(s)]);
const s = (signature: Uint8Array): bigint => BigInt(`0x${Buffer.from(signature.slice(32)).toString('hex')}`);

describe('low-S normalisation', () => {
  it('gives one low-S form for both twins, keeps r, and changes nothing the second time', () => {
    fc.assert(
      fc.property(scalar, scalar, (r, value) => {
        const one = normaliseLowS(join(r, value))!;
        const twin = normaliseLowS(join(r, CURVE_ORDER - value))!;
        expect(one).toEqual(twin);
        expect(one.slice(0, 32)).toEqual(Uint8Array.from(bytes32(r)));
        expect([value, CURVE_ORDER - value]).toContain(s(one));
        expect(s(one) * 2n).toBeLessThan(CURVE_ORDER);
        expect(isLowS(one)).toBe(true);
        expect(normaliseLowS(one)).toEqual(one);
      }),
    );
  });

  it('agrees with ethers about what the canonical form is', () => {
    fc.assert(
      fc.property(scalar, scalar, (r, value) => {
        const hex = (number: bigint) => `0x${bytes32(number).toString('hex')}`;
        const canonical = Signature.from({ r: hex(r), s: hex(s(normaliseLowS(join(r, value))!)), v: 27 });
        expect(canonical.r).toBe(hex(r));
      }),
    );
  });

  it('turns the high twin of a real signature into one that libsecp256k1 verifies in strict mode', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => secp256k1.isPrivate(bytes));
    fc.assert(
      fc.property(key, fc.string(), (privateKey, text) => {
        const digest = createHash('sha256').update(text).digest();
        const publicKey = secp256k1.pointFromScalar(privateKey, true)!;
        const low = secp256k1.sign(digest, privateKey);
        const high = Buffer.concat([low.slice(0, 32), bytes32(CURVE_ORDER - s(low))]);
        expect(verifyLowS(digest, publicKey, high)).toBe(false);
        expect(verifyLowS(digest, publicKey, normaliseLowS(high)!)).toBe(true);
        expect(verifyLowS(Buffer.from(digest).reverse(), publicKey, low)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['r = 0', join(0n, 1n)],
    ['s = 0', join(1n, 0n)],
    ['r = n', join(CURVE_ORDER, 1n)],
    ['s = n', join(1n, CURVE_ORDER)],
    ['s > n', join(1n, 2n ** 256n - 1n)],
    ['63 bytes', new Uint8Array(63).fill(1)],
    ['65 bytes', new Uint8Array(65).fill(1)],
    ['nothing', new Uint8Array(0)],
  ])('does not take %s for a signature', (_name, signature) => {
    expect(normaliseLowS(signature)).toBeUndefined();
    expect(isLowS(signature)).toBe(false);
  });

  it('verifies nothing with a digest or a public key of another shape', () => {
    const privateKey = Buffer.alloc(32, 7);
    const digest = Buffer.alloc(32, 9);
    const publicKey = secp256k1.pointFromScalar(privateKey, true)!;
    const signature = secp256k1.sign(digest, privateKey);
    expect(verifyLowS(digest, publicKey, signature)).toBe(true);
    expect(verifyLowS(digest.subarray(1), publicKey, signature)).toBe(false);
    expect(verifyLowS(Buffer.alloc(33, 9), publicKey, signature)).toBe(false);
    expect(verifyLowS(digest, publicKey.slice(1), signature)).toBe(false);
    expect(verifyLowS(digest, Buffer.alloc(33, 2), signature)).toBe(false);
  });
});

describe('strict DER', () => {
  it('goes there and back for every signature', () => {
    fc.assert(
      fc.property(scalar, scalar, (r, value) => {
        const signature = join(r, value);
        expect(Buffer.from(signatureFromDer(signatureToDer(signature))!)).toEqual(signature);
      }),
    );
  });

  it('is SEQUENCE { INTEGER r, INTEGER s } of ITU-T X.690', () => {
    // r = 1 and s = 0x80, which needs a leading zero to stay positive.
    expect(Buffer.from(signatureToDer(join(1n, 0x80n))).toString('hex')).toBe('300702010102020080');
  });

  it.each(['', '30', '300702010102020080ff', '3008020101020300008000', '3006020101020180'])(
    'is refused when it is not strict: %j',
    (hex) => {
      expect(signatureFromDer(Buffer.from(hex, 'hex'))).toBeUndefined();
    },
  );

  it('is made of 64 bytes only', () => {
    expect(() => signatureToDer(new Uint8Array(63))).toThrow(RangeError);
  });
});
