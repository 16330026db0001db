import { createPrivateKey, sign } from 'node:crypto';
import { hasExpired, verifiesEd25519, verifiesP256, type MemberKey } from '@bulkhead/approval';
import type { CharterState } from '@bulkhead/charter';
import {
  accepted,
  assetIdSchema,
  digestJson,
  digestSchema,
  instantSchema,
  refused,
  slugSchema,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';
import type { CheckedIntent } from './decide-transfer.js';

/** Of the information that the travel rule (FATF recommendation 16) asks originator and beneficiary for. */
export const TRAVEL_RULE_STATUSES = ['NOT_REQUIRED', 'SENT', 'ACCEPTED', 'REJECTED'] as const;
export type TravelRuleStatus = (typeof TRAVEL_RULE_STATUSES)[number];

const common = {
  v: z.literal(1),
  firm: digestSchema,
  /** A member of role `attestor`, and the key of theirs that signs. */
  attestor: slugSchema,
  key: slugSchema,
  /** When it was so. */
  at: instantSchema,
  /** After this it says nothing. */
  expiresAt: instantSchema,
};

export const attestationStatementSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('price'),
    asset: assetIdSchema,
    /** ISO 4217. */
    currency: z.string().regex(/^[A-Z]{3}$/),
    /** Of one whole BTC, ETH or token, in millionths of the currency's unit: a decimal string. */
    priceMicros: z.string().regex(/^(0|[1-9]\d{0,29})$/),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('travel-rule'),
    /** Digest of the transfer intent that it is about. */
    intent: digestSchema,
    status: z.enum(TRAVEL_RULE_STATUSES),
  }),
]);
export type AttestationStatement = z.infer<typeof attestationStatementSchema>;

/** A statement of fact by a machine that the charter names. It decides nothing: policies may ask for it. */
export const attestationSchema = z.strictObject({
  statement: attestationStatementSchema,
  signature: z.strictObject({
    scheme: z.enum(['p256', 'ed25519']),
    /** 64 bytes in hex: r || s (IEEE P1363) or R || S (RFC 8032), over the 32 bytes of {@link attestationChallenge}. */
    value: z.string().regex(/^[0-9a-f]{128}$/),
  }),
});
export type Attestation = z.infer<typeof attestationSchema>;

/** What verified attestations say of one transfer. */
export interface Attested {
  readonly price: Extract<AttestationStatement, { kind: 'price' }> | undefined;
  readonly travelRule: TravelRuleStatus | undefined;
}

/** How far an attestor's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 60_000;

/** The 32 bytes that an attestor's key signs. */
export const attestationChallenge = (statement: AttestationStatement): Digest =>
  digestJson('bulkhead/attestation/v1', statement);

/** What an attestor's own machine does, with its P-256 or Ed25519 key in PEM. */
export function signAttestation(statement: AttestationStatement, privateKeyPem: string): Attestation {
  const challenge = Buffer.from(attestationChallenge(statement), 'hex');
  const key = createPrivateKey(privateKeyPem);
  const scheme = key.asymmetricKeyType === 'ec' ? 'p256' : 'ed25519';
  const value =
    scheme === 'p256' ? sign('sha256', challenge, { key, dsaEncoding: 'ieee-p1363' }) : sign(null, challenge, key);
  return { statement, signature: { scheme, value: value.toString('hex') } };
}

/**
 * Verifies all that came with a request. One that is stale, from the future, about another firm, asset or intent, by
 * nobody whom the charter names for it, badly signed or given twice refuses the whole: a doubt is a no.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function checkAttestations(
  state: CharterState,
  transfer: Pick<CheckedIntent, 'intent' | 'digest'>,
  attestations: readonly Attestation[],
  at: string,
): Result<Attested> {
  let attested: Attested = { price: undefined, travelRule: undefined };
  for (const attestation of attestations) {
    const { statement } = attestation;
    const facts = { attestor: statement.attestor, kind: statement.kind };
    const about = checkSubject(state, transfer, statement);
    if (about !== undefined) {
      return refused('attestation.mismatch', 'The attestation is not about this transfer.', {
        ...facts,
        differs: about,
      });
    }
    const timely = checkTime(state, statement, at);
    if (!timely.ok) return timely;
    const signed = checkSignature(state, attestation, at);
    if (!signed.ok) return signed;
    if ((statement.kind === 'price' ? attested.price : attested.travelRule) !== undefined) {
      return refused('attestation.mismatch', 'Each fact is attested once.', { ...facts, differs: 'repeated' });
    }
    attested =
      statement.kind === 'price' ? { ...attested, price: statement } : { ...attested, travelRule: statement.status };
  }
  return accepted(attested);
}

/** Those that still count at an instant: what has grown old is better left out than handed on to be refused. */
export const freshAttestations = (
  state: CharterState,
  attestations: readonly Attestation[],
  at: string,
): Attestation[] => attestations.filter(({ statement }) => checkTime(state, statement, at).ok);

/** What it is not about, or undefined. */
function checkSubject(
  state: CharterState,
  { intent, digest }: Pick<CheckedIntent, 'intent' | 'digest'>,
  statement: AttestationStatement,
): string | undefined {
  if (statement.firm !== state.firm) return 'firm';
  if (statement.kind === 'travel-rule') return statement.intent === digest ? undefined : 'intent';
  if (statement.asset !== intent.asset) return 'asset';
  return statement.currency === state.rules.referenceCurrency ? undefined : 'currency';
}

function checkTime(state: CharterState, statement: AttestationStatement, at: string): Result<true> {
  const { kind, attestor, at: from, expiresAt } = statement;
  const facts = { attestor, kind, at: from, expiresAt, now: at };
  const ageMs = Date.parse(at) - Date.parse(from);
  if (ageMs < -CLOCK_SKEW_MS) return refused('attestation.in-future', 'The attestation is from the future.', facts);
  const aged = kind === 'price' && ageMs > state.rules.priceMaxAgeSeconds * 1000;
  return aged || expiresAt < at
    ? refused('attestation.stale', 'The attestation is too old; get a new one.', facts)
    : accepted(true);
}

function checkSignature(state: CharterState, { statement, signature }: Attestation, at: string): Result<true> {
  const { attestor, key: keyId, kind } = statement;
  const facts = { attestor, key: keyId, kind };
  const member = state.members.get(attestor);
  const key = member?.keys.find(({ id }) => id === keyId);
  const standing = member?.role === 'attestor' && !(member.expiresAt !== undefined && member.expiresAt < at);
  if (!key || !standing || hasExpired(key, at)) {
    return refused(
      'attestation.unknown-attestor',
      'The charter has no such attestor, or no such key of theirs.',
      facts,
    );
  }
  return verifies(key, signature, Buffer.from(attestationChallenge(statement), 'hex'))
    ? accepted(true)
    : refused('attestation.bad-signature', 'The signature is not by this key over this statement.', facts);
}

function verifies(key: MemberKey, { scheme, value }: Attestation['signature'], message: Uint8Array): boolean {
  const signature = Buffer.from(value, 'hex');
  if (key.scheme !== scheme) return false;
  return scheme === 'p256'
    ? verifiesP256(key.publicKey, message, signature, 'ieee-p1363')
    : verifiesEd25519(key.publicKey, message, signature);
}
