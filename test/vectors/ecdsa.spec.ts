import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CURVE_ORDER, isLowS, normaliseLowS, verifyLowS } from '@bulkhead/keys';

interface Vectors {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: 'valid' | 'invalid';
    }[];
  }[];
}

const file = join(import.meta.dirname, '../../../shared/vectors/ecdsa/wycheproof-secp256k1-sha256-p1363.json');
const present = existsSync(file);
if (!present) console.warn(`SKIPPED: the Wycheproof vectors are not at ${file}`);

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const highTwin = (signature: Uint8Array): Uint8Array => {
  const s = CURVE_ORDER - BigInt(`0x${Buffer.from(signature.slice(32)).toString('hex')}`);
  return Buffer.concat([signature.slice(0, 32), bytes(s.toString(16).padStart(64, '0'))]);
};

(present ? describe : describe.skip)('Wycheproof: ECDSA on secp256k1 with SHA-256, r || s', () => {
  const vectors = present ? (JSON.parse(readFileSync(file, 'utf8')) as Vectors) : { testGroups: [] };
  const cases = vectors.testGroups.flatMap(({ publicKey, tests }) =>
    tests.map((test) => ({
      ...test,
      publicKey: bytes(publicKey.uncompressed),
      digest: createHash('sha256').update(bytes(test.msg)).digest(),
    })),
  );

  it('has all 252 cases', () => {
    expect(cases).toHaveLength(252);
  });

  it.each(cases)('case $tcId ($comment): $result', ({ digest, publicKey, sig, result }) => {
    const low = normaliseLowS(bytes(sig));
    expect(low !== undefined && verifyLowS(digest, publicKey, low)).toBe(result === 'valid');
    if (low !== undefined) {
      expect(isLowS(low)).toBe(true);
      expect(verifyLowS(digest, publicKey, highTwin(low))).toBe(false);
    }
  });
});
