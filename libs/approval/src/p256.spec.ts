import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { p256PublicKey, verifiesP256 } from './p256.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const point = p256PublicKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
/** Order n of the group of P-256 (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const signed = (message: Uint8Array): Buffer => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
const nodeSays = (message: Uint8Array, signature: Uint8Array): boolean =>
  verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
const weSay = (message: Uint8Array, signature: Uint8Array): boolean =>
  verifiesP256(point, message, signature, 'ieee-p1363');
const bytes32 = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');

describe('a P-256 signature r || s', () => {
  it('verifies whatever its numbers begin with, and no more once a bit is another', () => {
    const firstBytes = new Set<string>();
    for (let i = 0; i < 3_000; i += 1) {
      const message = Buffer.from(String(i));
      const signature = signed(message);
      expect(weSay(message, signature)).toBe(true);
      for (const first of [signature[0], signature[32]])
        firstBytes.add(first === 0 ? 'zero' : first! < 0x80 ? 'low' : 'high');
      if (i % 10 > 0) continue;
      signature[i % 64]! ^= 1 << (i % 8);
      expect(weSay(message, signature)).toBe(false);
    }
    expect([...firstBytes].sort()).toEqual(['high', 'low', 'zero']);
  });

  it('is judged as Node judges it in this form', () => {
    const scalar = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      fc.constantFrom(0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, 2n ** 255n, 2n ** 256n - 1n, 127n, 128n, 255n, 256n),
    );
    fc.assert(
      fc.property(scalar, scalar, fc.uint8Array(), fc.boolean(), (r, s, message, real) => {
        const signature = real
          ? Buffer.concat([signed(message).subarray(0, 32), bytes32(s)])
          : Buffer.concat([bytes32(r), bytes32(s)]);
        expect(weSay(message, signature)).toBe(nodeSays(message, signature));
      }),
      { numRuns: 300 },
    );
  });

  it.each([0, 1, 63, 65, 70, 128])('is nothing else: %d bytes', (length) => {
    expect(weSay(Buffer.from('0'), Buffer.alloc(length, 1))).toBe(false);
  });

  it('is not taken for DER, nor DER for it', () => {
    const message = Buffer.from('0');
    expect(verifiesP256(point, message, signed(message), 'der')).toBe(false);
    const der = sign('sha256', message, privateKey);
    expect(verifiesP256(point, message, der, 'der')).toBe(true);
    expect(weSay(message, der)).toBe(false);
  });
});
