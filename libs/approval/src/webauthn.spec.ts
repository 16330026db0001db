import { createHash } from 'node:crypto';
import type { Digest } from '@bulkhead/intent';
import { verifyAuthenticationResponse } from '@simplewebauthn/server';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import fc from 'fast-check';
import { PRESENT, SoftPasskey, VERIFIED, type Misuse } from '../../../test/support/passkeys.js';
import { codeOf } from '../../../test/support/outcome.js';
import { webauthnKeySchema, type WebauthnKey } from './member-key.js';
import { assertionSchema, signCountOf, verifyAssertion, type Assertion } from './webauthn.js';

const passkey = SoftPasskey.make('omar-passkey');
const { key } = passkey;
const CHALLENGE = createHash('sha256').update('these bytes').digest('hex') as Digest;
const OTHER = createHash('sha256').update('other bytes').digest('hex') as Digest;

/** `accepted`, or the code and what was not as it should be. */
function verdict(assertion: Assertion, by: WebauthnKey = key, challenge = CHALLENGE): string {
  const result = verifyAssertion(by, challenge, assertion);
  return result.ok ? 'accepted' : [result.refusal.code, result.refusal.facts.problem].filter(Boolean).join(' ');
}

/** The other implementation's word on the same assertion. */
async function theirVerdict(assertion: Assertion, by: WebauthnKey = key, challenge = CHALLENGE): Promise<boolean> {
  const { x = '', y = '' } = passkey.privateKey.export({ format: 'jwk' });
  const cose = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ]);
  const { credentialId, authenticatorData, clientDataJSON, signature } = assertion;
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id: credentialId,
        rawId: credentialId,
        type: 'public-key',
        clientExtensionResults: {},
        response: { authenticatorData, clientDataJSON, signature },
      },
      expectedChallenge: Buffer.from(challenge, 'hex').toString('base64url'),
      expectedOrigin: [...by.origins],
      expectedRPID: by.rpId,
      requireUserVerification: true,
      credential: { id: by.credentialId, publicKey: Uint8Array.from(isoCBOR.encode(cose)), counter: 0 },
    });
    return verified;
  } catch {
    return false;
  }
}

describe('an assertion of a passkey', () => {
  it('is accepted from a verified user on the right page over the right challenge, as another implementation does', async () => {
    const assertion = passkey.assert(CHALLENGE);
    expect(assertionSchema.parse(assertion)).toEqual(assertion);
    expect(verdict(assertion)).toBe('accepted');
    expect(await theirVerdict(assertion)).toBe(true);
  });

  it.each<[string, Misuse]>([
    ['approval.assertion-mismatch type', { type: 'webauthn.create' }],
    ['approval.assertion-mismatch type', { type: 'payment.get' }],
    ['approval.assertion-mismatch origin', { origin: 'https://evil.example' }],
    ['approval.assertion-mismatch origin', { origin: 'https://custody.example.evil.example' }],
    ['approval.assertion-mismatch origin', { origin: 'http://custody.example' }],
    ['approval.assertion-mismatch origin', { origin: 'https://custody.example:8443' }],
    ['approval.assertion-mismatch origin', { clientData: { topOrigin: 'https://evil.example', crossOrigin: true } }],
    ['approval.assertion-mismatch rpId', { rpId: 'evil.example' }],
    ['approval.user-not-verified', { flags: PRESENT }],
    ['approval.user-not-verified', { flags: VERIFIED }],
    ['approval.user-not-verified', { flags: 0 }],
    // backed up, though it may not be
    ['approval.assertion-mismatch authenticatorData', { flags: PRESENT | VERIFIED | 0x10 }],
  ])('is refused with %s: %j, as another implementation does', async (code, misuse) => {
    const assertion = passkey.assert(CHALLENGE, misuse);
    expect(verdict(assertion)).toBe(code);
    expect(await theirVerdict(assertion)).toBe(false);
  });

  it('is refused where the other implementation is more lenient: framed pages, bytes that have no place', () => {
    const framed = passkey.assert(CHALLENGE, { clientData: { crossOrigin: true } });
    expect(verdict(framed)).toBe('approval.assertion-mismatch origin');
    for (const misuse of [
      { trailing: Buffer.from([0]) },
      { flags: PRESENT | VERIFIED | 0x80 },
      { flags: PRESENT | VERIFIED | 0x40, trailing: Buffer.alloc(20) },
    ]) {
      expect(verdict(passkey.assert(CHALLENGE, misuse))).toBe('approval.assertion-mismatch authenticatorData');
    }
  });

  it('is refused over any other challenge', async () => {
    const assertion = passkey.assert(OTHER);
    expect(verdict(assertion)).toBe('approval.assertion-mismatch challenge');
    expect(await theirVerdict(assertion)).toBe(false);
  });

  it('is refused from another credential, and under the key of another', () => {
    const other = SoftPasskey.make('oskar-passkey');
    expect(verdict(other.assert(CHALLENGE))).toBe('approval.assertion-mismatch credential');
    const posing = { ...other.assert(CHALLENGE), credentialId: key.credentialId };
    expect(verdict(posing)).toBe('approval.bad-signature');
    expect(verdict(passkey.assert(CHALLENGE), { ...key, publicKey: `02${'f'.repeat(64)}` })).toBe(
      'approval.bad-signature',
    );
  });

  it('is refused when any bit of what is signed, or of the signature, is another', async () => {
    const assertion = passkey.assert(CHALLENGE);
    const parts = ['authenticatorData', 'clientDataJSON', 'signature'] as const;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...parts), fc.nat(), async (part, position) => {
        const bytes = Buffer.from(assertion[part], 'base64url');
        const bit = position % (bytes.length * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const changed = { ...assertion, [part]: bytes.toString('base64url') };
        expect(verdict(changed)).not.toBe('accepted');
        // the other implementation reads the tags of ASN.1 less strictly
        if (part !== 'signature') expect(await theirVerdict(changed)).toBe(false);
      }),
    );
  });

  it('is refused, never thrown at, whatever its bytes are', () => {
    const bytes = fc
      .uint8Array({ minLength: 1, maxLength: 120 })
      .map((each) => Buffer.from(each).toString('base64url'));
    fc.assert(
      fc.property(bytes, bytes, bytes, (authenticatorData, clientDataJSON, signature) => {
        const assertion = { ...passkey.assert(CHALLENGE), authenticatorData, clientDataJSON, signature };
        expect(codeOf(verifyAssertion(key, CHALLENGE, assertion))).toMatch(/^approval\./);
        expect(codeOf(verifyAssertion(key, CHALLENGE, { ...passkey.assert(CHALLENGE), authenticatorData }))).toMatch(
          /^approval\./,
        );
      }),
    );
  });

  it('carries the signature counter', () => {
    expect(signCountOf(passkey.assert(CHALLENGE, { signCount: 4_294_967_295 }))).toBe(4_294_967_295);
    expect(signCountOf(passkey.assert(CHALLENGE))).toBe(0);
  });
});

describe('a passkey in the charter', () => {
  it('names its credential, domain and pages in one spelling, and verifies its user', () => {
    expect(webauthnKeySchema.safeParse(key).success).toBe(true);
    for (const changes of [
      { origins: [] },
      { origins: ['https://custody.example/'] },
      { origins: ['https://custody.example:443'] },
      { origins: ['HTTPS://custody.example'] },
      { origins: ['javascript:alert(1)'] },
      { rpId: 'https://custody.example' },
      { rpId: 'Custody.example' },
      { userVerification: 'preferred' },
      { credentialId: 'short' },
      { credentialId: `${key.credentialId}=` },
      { expiresAt: 'never' },
      { extra: 1 },
    ]) {
      expect([changes, webauthnKeySchema.safeParse({ ...key, ...changes }).success]).toEqual([changes, false]);
    }
  });
});
