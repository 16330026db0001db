import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { crypto as bitcoinCrypto } from 'bitcoinjs-lib';
import { canonicalJson, digestBytes, digestJson, type DigestTag } from './canonical.js';

const TAGS: DigestTag[] = [
  'bulkhead/intent/v1',
  'bulkhead/payload/psbt/v1',
  'bulkhead/payload/safe-tx/v1',
  'bulkhead/approval/v1',
  'bulkhead/charter-entry/v1',
  'bulkhead/gas-transaction/v1',
  'bulkhead/decision/v1',
  'bulkhead/signer-log/v1',
];

/** The tagged hash of BIP-340, written out again. */
const taggedHash = (tag: string, bytes: Uint8Array): string => {
  const tagHash = createHash('sha256').update(Buffer.from(tag)).digest();
  return createHash('sha256')
    .update(Buffer.concat([tagHash, tagHash, bytes]))
    .digest('hex');
};

describe('canonical JSON', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      }),
    );
  });

  it('reads back as the same value, and is a fixed point', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['a bigint inside', { amount: 1n }],
    ['NaN', { n: Number.NaN }],
    ['Infinity', [Number.POSITIVE_INFINITY]],
    ['a lone surrogate', { memo: '\ud800' }],
  ])('throws on %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow();
  });
});

describe('a tagged digest', () => {
  it('is the tagged hash of BIP-340', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TAGS), fc.uint8Array({ maxLength: 200 }), (tag, bytes) => {
        expect(digestBytes(tag, bytes)).toBe(taggedHash(tag, bytes));
      }),
    );
  });

  it('is computed as bitcoinjs-lib computes the tagged hashes of Taproot', () => {
    const bytes = Buffer.from('any bytes');
    const theirs = Buffer.from(bitcoinCrypto.taggedHash('TapLeaf', bytes)).toString('hex');
    expect(digestBytes('TapLeaf' as DigestTag, bytes)).toBe(theirs);
  });

  it('for one purpose never stands for another', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(new Set(TAGS.map((tag) => digestJson(tag, value))).size).toBe(TAGS.length);
      }),
    );
  });

  it('of JSON covers the UTF-8 bytes of its canonical form', () => {
    expect(digestJson('bulkhead/intent/v1', { b: '€', a: 1 })).toBe(
      taggedHash('bulkhead/intent/v1', Buffer.from('{"a":1,"b":"€"}', 'utf8')),
    );
  });
});
