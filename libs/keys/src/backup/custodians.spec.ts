import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { orThrow, type Digest, type Result } from '@bulkhead/intent';
import fc from 'fast-check';
import { combine, split } from 'shamir-secret-sharing';
import { checkShareSet, dealNewSecret, withSecretOf, type BroughtShare } from './custodians.js';
import { sealShare, type ShareFile } from './share.js';
import { wrappingCheck } from './wrapping-secret.js';

// each share that is opened takes as long as a guess at its passphrase
jest.setTimeout(120_000);

const NAMES = ['ada', 'bert', 'cleo'];
const passphraseOf = (custodian: string): Uint8Array => Buffer.from(`correct horse of ${custodian}`);
const terms = { firm: 'ab'.repeat(32) as Digest, wrappingKey: 'backup', threshold: 2 };
const codeOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.code);
const deal = async (): Promise<{ files: readonly ShareFile[]; secret: string }> => {
  const custodians = NAMES.map((custodian) => ({ custodian, passphrase: passphraseOf(custodian) }));
  return orThrow(
    await dealNewSecret(terms, custodians, (files, secret) =>
      Promise.resolve({ files, secret: Buffer.from(secret).toString('hex') }),
    ),
  );
};
const hex = (secret: Uint8Array): Promise<string> => Promise.resolve(Buffer.from(secret).toString('hex'));

describe('a wrapping secret that custodians share', () => {
  let files: readonly ShareFile[];
  let secret: string;
  const brought = (...places: number[]): BroughtShare[] =>
    places.map((place) => ({ file: files[place]!, passphrase: passphraseOf(NAMES[place]!) }));
  beforeAll(async () => {
    ({ files, secret } = await deal());
  });

  it.each([
    [0, 1],
    [1, 2],
    [2, 0],
  ])('is put together by custodians %i and %i', async (one, other) => {
    expect(orThrow(await withSecretOf(brought(one, other), hex))).toBe(secret);
  });

  it('is put together by all of them, too', async () => {
    expect(orThrow(await withSecretOf(brought(0, 1, 2), hex))).toBe(secret);
  });

  it('is wiped from the memory that it was given in', async () => {
    let seen: Uint8Array = Uint8Array.of(1);
    orThrow(await withSecretOf(brought(0, 1), (given) => Promise.resolve((seen = given))));
    expect(seen.every((byte) => byte === 0)).toBe(true);
  });

  it('is not put together by fewer, by one of them twice, or from different deals', async () => {
    const other = await deal();
    const stranger = { file: other.files[1]!, passphrase: passphraseOf('bert') };
    expect(codeOf(await withSecretOf([], hex))).toBe('backup.shares-too-few');
    expect(codeOf(await withSecretOf(brought(0), hex))).toBe('backup.shares-too-few');
    expect(codeOf(await withSecretOf(brought(0, 0), hex))).toBe('backup.share-repeated');
    expect(codeOf(await withSecretOf([...brought(0), stranger], hex))).toBe('backup.shares-mixed');
    expect(codeOf(checkShareSet(files.slice(0, 1)))).toBe('backup.shares-too-few');
  });

  it('is not put together with a wrong passphrase', async () => {
    const [first, second] = brought(0, 1);
    const wrong = { ...second!, passphrase: passphraseOf('ada') };
    expect(await withSecretOf([first!, wrong], hex)).toMatchObject({
      ok: false,
      refusal: { code: 'backup.share-broken', facts: { custodian: 'bert' } },
    });
  });

  const other = (text: string): string => (text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`);
  it.each<[string, (file: ShareFile) => Partial<ShareFile>]>([
    ['firm', () => ({ firm: 'cd'.repeat(32) as Digest })],
    ['wrappingKey', () => ({ wrappingKey: 'another' })],
    ['check', () => ({ check: 'ef'.repeat(32) })],
    ['set', () => ({ set: '0'.repeat(32) })],
    ['threshold', () => ({ threshold: 3 })],
    ['custodians', () => ({ custodians: ['ada', 'bert'] })],
    ['nonce', ({ nonce }) => ({ nonce: other(nonce) })],
    ['salt', ({ kdf }) => ({ kdf: { ...kdf, salt: other(kdf.salt) } })],
    ['sealed', ({ sealed }) => ({ sealed: other(sealed) })],
  ])('is not put together when the %s of both files was changed alike', async (_what, change) => {
    const forged = brought(0, 1, 2).map(({ file, passphrase }) => ({ file: { ...file, ...change(file) }, passphrase }));
    expect(codeOf(await withSecretOf(forged, hex))).toBe('backup.share-broken');
  });

  it('does not pass under the name of another custodian', async () => {
    const [first, second] = brought(0, 1);
    const renamed = { ...second!, file: { ...second!.file, custodian: 'cleo' } };
    expect(codeOf(await withSecretOf([first!, renamed], hex))).toBe('backup.share-broken');
  });

  it('is not dealt to one alone, to the same one twice, or under a short passphrase', async () => {
    const two = [
      { custodian: 'ada', passphrase: passphraseOf('ada') },
      { custodian: 'bert', passphrase: passphraseOf('bert') },
    ];
    const use = () => Promise.resolve(true);
    expect(codeOf(await dealNewSecret({ ...terms, threshold: 1 }, two, use))).toBe('backup.malformed');
    expect(codeOf(await dealNewSecret({ ...terms, threshold: 3 }, two, use))).toBe('backup.malformed');
    expect(codeOf(await dealNewSecret(terms, [two[0]!, two[0]!], use))).toBe('backup.malformed');
    const short = [two[0]!, { custodian: 'bert', passphrase: Buffer.from('short') }];
    expect(codeOf(await dealNewSecret(terms, short, use))).toBe('backup.passphrase-too-short');
  });

  it('is not what a dealer says who dealt another one', async () => {
    const dealt = await split(Uint8Array.from(randomBytes(32)), 3, 2);
    const { check, set } = files[0]!;
    const said = { ...terms, check, set, custodians: NAMES };
    const lies = await Promise.all(
      NAMES.map(async (custodian, place) => ({
        file: await sealShare({ ...said, custodian }, dealt[place]!, passphraseOf(custodian)),
        passphrase: passphraseOf(custodian),
      })),
    );
    expect(codeOf(await withSecretOf(lies, hex))).toBe('backup.secret-mismatch');
  });

  it('has a check value of its own', () => {
    expect(files.map(({ check }) => check)).toEqual(NAMES.map(() => wrappingCheck(Buffer.from(secret, 'hex'))));
    expect(wrappingCheck(randomBytes(32))).not.toBe(files[0]!.check);
  });
});

describe('the sharing that it rests on', () => {
  /** Multiplication in GF(2^8) by x^8 + x^4 + x^3 + x + 1, as FIPS 197 section 4.2 has it: not the library's tables. */
  function times(a: number, b: number): number {
    let product = 0;
    for (let bit = 7; bit >= 0; bit -= 1) {
      product = (product << 1) ^ ((product & 0x80) === 0 ? 0 : 0x11b);
      if ((b >> bit) & 1) product ^= a;
    }
    return product;
  }
  const inverse = (a: number): number => Array.from({ length: 255 }, (_, n) => n + 1).find((b) => times(a, b) === 1)!;
  /** Lagrange's interpolation at zero. */
  const atZero = (points: readonly (readonly [number, number])[]): number =>
    points.reduce((sum, [x, y], place) => {
      const others = points.filter((_, at) => at !== place).map(([other]) => times(other, inverse(x ^ other)));
      return sum ^ others.reduce(times, y);
    }, 0);

  it('is Shamir’s: any threshold of the shares interpolate to the secret, by another implementation', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer(),
        async (value, threshold, more, turn) => {
          const secret = Uint8Array.from(value);
          const shares = await split(secret, threshold + more, threshold);
          const start = Math.abs(turn) % shares.length;
          const some = [...shares, ...shares].slice(start, start + threshold);
          const points = (byte: number) => some.map((share) => [share[32]!, share[byte]!] as const);
          expect(Uint8Array.from(secret, (_, byte) => atZero(points(byte)))).toEqual(secret);
          expect(await combine(some)).toEqual(secret);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('gives one share less nothing: the same secret is dealt differently each time, each byte spread over all values', async () => {
    const seen = new Set<number>();
    for (let round = 0; round < 60; round += 1) {
      const [share] = await split(new Uint8Array(32), 3, 2);
      for (const byte of share!.subarray(0, 32)) seen.add(byte);
    }
    expect(seen.size).toBeGreaterThan(240);
  });
});
