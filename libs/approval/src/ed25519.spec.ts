import { generateKeyPairSync } from 'node:crypto';
import type { Digest } from '@bulkhead/intent';
import fc from 'fast-check';
import { codeOf } from '../../../test/support/outcome.js';
import { ed25519PublicKey, isEd25519Key, verifiesEd25519 } from './ed25519.js';
import type { MemberKey } from './member-key.js';
import { p256PublicKey } from './p256.js';
import { signStatement, verifySignature, type Statement } from './statement.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** RFC 8032, 7.1: TEST 1, 2, 3. */
const VECTORS = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const;

/** Every point of small order and its other encodings, without the sign of x (libsodium, ge25519_has_small_order). */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];
const withSign = (key: string): string => {
  const bytes = hex(key);
  bytes[31]! |= 0x80;
  return bytes.toString('hex');
};

const newPem = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const STATEMENT: Statement = {
  v: 1,
  decision: 'APPROVE',
  firm: 'f0'.repeat(32) as Digest,
  intent: '1a'.repeat(32) as Digest,
  payload: '2b'.repeat(32) as Digest,
  charterSequence: 7,
  member: 'robot',
  key: 'robot-1',
  expiresAt: '2026-01-03T03:04:05.000Z',
};

describe('an Ed25519 signature', () => {
  it.each(VECTORS)('is verified as in RFC 8032: key %s', (key, message, signature) => {
    expect(isEd25519Key(key)).toBe(true);
    expect(verifiesEd25519(key, hex(message), hex(signature))).toBe(true);
    expect(verifiesEd25519(key, hex(`${message}00`), hex(signature))).toBe(false);
  });

  it('of a statement is accepted from its key only, and not when a bit is another', () => {
    const pem = newPem();
    const key: MemberKey = { id: 'robot-1', scheme: 'ed25519', publicKey: ed25519PublicKey(pem) };
    const approval = signStatement(STATEMENT, pem);
    expect(codeOf(verifySignature(approval, key))).toBe('accepted');
    expect(codeOf(verifySignature(approval, { ...key, publicKey: ed25519PublicKey(newPem()) }))).toBe(
      'approval.bad-signature',
    );
    const bytes = hex(approval.signature.value);
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        const forged = { ...approval, signature: { scheme: 'ed25519' as const, value: changed.toString('hex') } };
        expect(codeOf(verifySignature(forged, key))).toBe('approval.bad-signature');
      }),
    );
  });

  it('of one scheme is never taken under a key of another', () => {
    const pem = newPem();
    const approval = signStatement(STATEMENT, pem);
    const p256Pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    const p256: MemberKey = { id: 'robot-1', scheme: 'p256', publicKey: p256PublicKey(p256Pem) };
    expect(codeOf(verifySignature(approval, p256))).toBe('approval.scheme-mismatch');
    const ed25519: MemberKey = { id: 'robot-1', scheme: 'ed25519', publicKey: ed25519PublicKey(pem) };
    expect(codeOf(verifySignature(signStatement(STATEMENT, p256Pem), ed25519))).toBe('approval.scheme-mismatch');
  });
});

describe('an Ed25519 key', () => {
  it('is taken whichever it is, when it was generated as one', () => {
    for (let count = 0; count < 20; count += 1) expect(isEd25519Key(ed25519PublicKey(newPem()))).toBe(true);
  });

  it.each([...SMALL_ORDER, ...SMALL_ORDER.map(withSign)])(
    'is refused of small order or in a second spelling: %s',
    (key) => {
      expect(isEd25519Key(key)).toBe(false);
      expect(verifiesEd25519(key, hex('00'), Buffer.concat([hex(SMALL_ORDER[1]!), Buffer.alloc(32)]))).toBe(false);
    },
  );

  it('is refused when it is no point', () => {
    // y = 2 has no x on edwards25519
    expect(isEd25519Key(`02${'00'.repeat(31)}`)).toBe(false);
    for (const key of ['', '00', 'zz'.repeat(32), 'AB'.repeat(32)]) expect(isEd25519Key(key)).toBe(false);
  });

  it('is read from an Ed25519 private key only', () => {
    const { privateKey } = generateKeyPairSync('x25519');
    expect(() => ed25519PublicKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toThrow(
      'not an Ed25519 key',
    );
  });
});
