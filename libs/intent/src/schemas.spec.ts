import fc from 'fast-check';
import { bitcoinAsset, REGTEST } from './chains.js';
import type { Digest } from './canonical.js';
import {
  instantSchema,
  intentDigest,
  payloadDigest,
  payloadSchema,
  PURPOSES,
  slugSchema,
  transferIntentSchema,
  uuidSchema,
  type Payload,
  type TransferIntent,
} from './schemas.js';

const INTENT: TransferIntent = {
  v: 1,
  kind: 'transfer',
  firm: 'f0'.repeat(32) as Digest,
  id: '5b0b9d3e-8f5c-4a0e-9d57-0d8b8e6c2f11',
  purpose: 'PAYMENT',
  owner: 'alpha',
  wallet: 'alpha-btc',
  asset: bitcoinAsset(REGTEST),
  to: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
  amount: '250000',
  maxFee: '1000',
  memo: 'invoice 7',
  initiator: 'olivia',
  createdAt: '2026-01-02T03:04:05.000Z',
  expiresAt: '2026-01-03T03:04:05.000Z',
};
const SAFE: Extract<Payload, { kind: 'safe-tx' }> = {
  kind: 'safe-tx',
  chain: 'eip155:31337',
  safe: `0x${'1'.repeat(40)}`,
  tx: {
    to: `0x${'2'.repeat(40)}`,
    value: '1',
    data: '0x',
    operation: 0,
    safeTxGas: '0',
    baseGas: '0',
    gasPrice: '0',
    gasToken: `0x${'0'.repeat(40)}`,
    refundReceiver: `0x${'0'.repeat(40)}`,
    nonce: '0',
  },
};
const PSBT: Payload = { kind: 'psbt', chain: REGTEST, psbt: 'cHNidP8B' };

/** Every field of a value, nested ones too, as paths. */
const paths = (value: object, prefix: readonly string[] = []): string[][] =>
  Object.entries(value).flatMap(([key, inner]) => [
    [...prefix, key],
    ...(typeof inner === 'object' && inner !== null ? paths(inner as object, [...prefix, key]) : []),
  ]);
/** A copy in which one field has another value. */
function changed(value: object, path: readonly string[], to: unknown): object {
  const [key, ...rest] = path;
  const inner = (value as Record<string, object>)[key!]!;
  return { ...value, [key!]: rest.length === 0 ? to : changed(inner, rest, to) };
}

describe('a transfer intent', () => {
  const accepts = (changes: object): boolean => transferIntentSchema.safeParse({ ...INTENT, ...changes }).success;

  it('is accepted when every field is right', () => {
    expect(transferIntentSchema.parse(INTENT)).toEqual(INTENT);
    for (const purpose of PURPOSES) expect(accepts({ purpose })).toBe(true);
  });

  it.each(Object.keys(INTENT))('is refused without %s', (key) => {
    expect(transferIntentSchema.safeParse({ ...INTENT, [key]: undefined }).success).toBe(false);
  });

  it('is refused with any field that it does not know', () => {
    fc.assert(
      fc.property(
        fc.string().filter((key) => !(key in INTENT) && key !== '__proto__'),
        fc.jsonValue(),
        (key, value) => {
          expect(accepts({ [key]: value })).toBe(false);
        },
      ),
    );
  });

  it.each([
    { v: 2 },
    { kind: 'charter' },
    { purpose: 'GIFT' },
    { owner: 'Alpha' },
    { owner: '-alpha' },
    { owner: 'a'.repeat(64) },
    { wallet: '' },
    { id: 'not-a-uuid' },
    { firm: 'F0'.repeat(32) },
    { asset: 'BTC' },
    { to: '' },
    { to: 'a'.repeat(121) },
    { to: 'bcrt1\udc00' },
    { amount: 250000 },
    { amount: '9'.repeat(91) },
    { amount: '1\ud800' },
    { memo: 'm'.repeat(201) },
    { memo: '\ud800 is half a character' },
    { memo: 'the end\0of a C string' },
    { expiresAt: '2026-01-03T03:04:05Z' },
    { expiresAt: '2026-01-03T03:04:05.000+00:00' },
    { expiresAt: '2026-02-30T03:04:05.000Z' },
  ])('is refused with %j', (changes) => {
    expect(accepts(changes)).toBe(false);
  });

  it('has a digest that changes with every field', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(INTENT)), fc.jsonValue(), (key, value) => {
        const other = { ...INTENT, [key]: value };
        const same = JSON.stringify(value) === JSON.stringify(INTENT[key as keyof TransferIntent]);
        expect(intentDigest(other) === intentDigest(INTENT)).toBe(same);
      }),
    );
  });

  it('has one digest, whatever order its fields came in', () => {
    expect(intentDigest(Object.fromEntries(Object.entries(INTENT).reverse()) as TransferIntent)).toBe(
      intentDigest(INTENT),
    );
  });
});

describe('a payload', () => {
  it('is refused with a field too many, also inside', () => {
    expect(payloadSchema.parse(SAFE)).toEqual(SAFE);
    expect(payloadSchema.parse(PSBT)).toEqual(PSBT);
    for (const payload of [SAFE, PSBT]) expect(payloadSchema.safeParse({ ...payload, memo: '' }).success).toBe(false);
    expect(payloadSchema.safeParse({ ...SAFE, tx: { ...SAFE.tx, signatures: '0x' } }).success).toBe(false);
    expect(payloadSchema.safeParse({ ...SAFE, psbt: 'cHNidP8B' }).success).toBe(false);
  });

  it.each([
    [SAFE, { tx: { ...SAFE.tx, operation: 2 } }],
    [SAFE, { tx: { ...SAFE.tx, operation: '0' } }],
    [SAFE, { tx: { ...SAFE.tx, data: '0xABCD' } }],
    [SAFE, { tx: { ...SAFE.tx, data: '0xabc' } }],
    [SAFE, { tx: { ...SAFE.tx, value: 1 } }],
    [SAFE, { tx: { ...SAFE.tx, to: '\ud800' } }],
    [SAFE, { kind: 'digest' }],
    [PSBT, { psbt: 'not base64!' }],
    [PSBT, { chain: 'toString' }],
  ])('is refused when malformed (%#)', (payload: Payload, changes: object) => {
    expect(payloadSchema.safeParse({ ...payload, ...changes }).success).toBe(false);
  });

  it('has a digest that changes with every field, nested ones too', () => {
    const cases = [SAFE, PSBT].flatMap((payload) => paths(payload).map((path) => ({ payload, path })));
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.jsonValue(), ({ payload, path }, value) => {
        const other = changed(payload, path, value) as Payload;
        fc.pre(JSON.stringify(other) !== JSON.stringify(payload));
        expect(payloadDigest(other)).not.toBe(payloadDigest(payload));
      }),
    );
  });
});

describe('names, ids and instants', () => {
  it('have one spelling', () => {
    const upper = INTENT.id.toUpperCase();
    expect(uuidSchema.safeParse(INTENT.id).success).toBe(true);
    expect(uuidSchema.safeParse(upper).success).toBe(false);
    expect(slugSchema.safeParse('alpha-2').success).toBe(true);
    for (const slug of ['', '-', 'a-', '-a', 'a_b', 'a b', 'ä', 'a\n', 'A'])
      expect(slugSchema.safeParse(slug).success).toBe(false);
    expect(instantSchema.safeParse('2026-01-02T03:04:05.000Z').success).toBe(true);
    for (const instant of ['2026-01-02', '2026-01-02T03:04:05.0000Z', '2026-01-02t03:04:05.000z', ' '])
      expect(instantSchema.safeParse(instant).success).toBe(false);
  });

  it('sort as text in the order of time', () => {
    const instant = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
    fc.assert(
      fc.property(instant, instant, (a, b) => {
        for (const date of [a, b]) expect(instantSchema.safeParse(date.toISOString()).success).toBe(true);
        expect(a.toISOString() < b.toISOString()).toBe(a < b);
      }),
    );
  });
});
