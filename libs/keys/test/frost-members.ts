import 'reflect-metadata';
import { createHash, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { orThrow } from '@bulkhead/intent';
import * as x509 from '@peculiar/x509';
import {
  checkConfirmations,
  FrostSession,
  makeNonces,
  makeShares,
  participantsOf,
  type Commitments,
  type FrostKey,
  type InputDigest,
  type InputShare,
  type MemberIdentity,
  type Outcome,
  type SessionTerms,
  type SignedMessage,
} from '../src/frost/index.js';

x509.cryptoProvider.set(webcrypto as Crypto);

const NAMES = ['signer-a', 'signer-b', 'signer-c', 'signer-d', 'signer-e'] as const;
const identities = new Map<string, MemberIdentity>();

async function identity(name: string): Promise<MemberIdentity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const privateKey = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  return { privateKey, certificate: certificate.toString('pem') };
}

/** Makes the P-256 identities of five members; once per file. */
export async function enrolMembers(): Promise<void> {
  for (const name of NAMES) identities.set(name, await identity(name));
}

export const identityOf = (member: string): MemberIdentity => {
  const found = identities.get(member);
  if (!found) throw new Error(`${member} is not enrolled`);
  return found;
};

export function fingerprintOf(member: string): string | undefined {
  const found = identities.get(member);
  return found && createHash('sha256').update(new X509Certificate(found.certificate).raw).digest('hex');
}

export const membersOf = (count: number): string[] => NAMES.slice(0, count);
export const random32 = (): string => randomBytes(32).toString('hex');

export const generation = (threshold: number, members: string[]): SessionTerms => ({
  purpose: 'generate',
  session: random32(),
  group: 'alpha-tap',
  threshold,
  members,
});

/** A part in a session for each participant, by name. */
export function sessions(terms: SessionTerms, keys: ReadonlyMap<string, FrostKey> = new Map()) {
  return new Map(
    participantsOf(terms).map((member) => [
      member,
      new FrostSession(terms, {
        member,
        identity: identityOf(member),
        fingerprints: fingerprintOf,
        key: keys.get(member),
      }),
    ]),
  );
}

/** What a carrier may do on the way: give each message as it is, or another. */
export type Tamper = (message: SignedMessage) => SignedMessage;

/** Carries every message of a session to where it belongs, through the carrier's hands. */
export function carry(parts: ReadonlyMap<string, FrostSession>, tamper: Tamper = (message) => message) {
  const all = [...parts];
  const forAll = (messages: readonly SignedMessage[], but: string) =>
    messages.filter((each) => each.message.from !== but);
  const announced = all.map(([, part]) => tamper(orThrow(part.announce())));
  const dealt = all.flatMap(([member, part]) => orThrow(part.deal(forAll(announced, member))).map(tamper));
  const concluded = all.map(([member, part]) => {
    const own = orThrow(part.confirm(dealt.filter((each) => each.message.to === member)));
    return { member, ...own, message: own.message && tamper(own.message) };
  });
  const confirmed = concluded.flatMap(({ message }) => message ?? []);
  return new Map<string, Outcome>(
    concluded.map(({ member, group, key, place }) => {
      orThrow(checkConfirmations(group, member, place, forAll(confirmed, member), fingerprintOf));
      return [member, { group, key }];
    }),
  );
}

export const keysOf = (outcomes: ReadonlyMap<string, Outcome>): Map<string, FrostKey> =>
  new Map([...outcomes].flatMap(([member, { key }]) => (key ? [[member, key] as const] : [])));

export const generate = (threshold: number, members: string[]): Map<string, FrostKey> =>
  keysOf(carry(sessions(generation(threshold, members))));

export interface SigningRun {
  readonly commitments: Commitments;
  readonly shares: ReadonlyMap<string, readonly InputShare[]>;
}

/** Both rounds of signing by the keys that are given. */
export function signWith(keys: readonly FrostKey[], digests: readonly InputDigest[]): SigningRun {
  const inputs = digests.map(({ inputIndex }) => inputIndex);
  const nonces = keys.map((key) => ({ key, ...makeNonces(key, inputs) }));
  const commitments = new Map(nonces.map(({ key, commitments: own }) => [key.member, own]));
  const shares = new Map(
    nonces.map(({ key, secret }) => [key.member, orThrow(makeShares(key, secret, commitments, digests))]),
  );
  return { commitments, shares };
}
