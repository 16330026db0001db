import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { schnorr_FROST as library } from '@noble/curves/secp256k1.js';
import {
  aggregateShares,
  checkConfirmations,
  FrostSession,
  makeNonces,
  makeShares,
  openMessage,
  signingTerms,
  signMessage,
  transcriptOf,
  type FrostKey,
  type MemberIdentity,
  type SessionTerms,
  type SignedMessage,
} from '@bulkhead/keys';
import { orThrow, ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import { SIGNER_NAMES, type Stack } from '../stack/index.js';
import { perSecond, type Figure, type Run } from './figures.js';

export const FROST_FIGURES = ['frost.dkg.vs_library', 'frost.sign.vs_library'] as const;
export type FrostFigure = (typeof FROST_FIGURES)[number];

type Body = SignedMessage['message']['body'];

const RUNS = 5;
const THRESHOLD = 2;
const ROUNDS = { 'frost.dkg.vs_library': 4, 'frost.sign.vs_library': 12 } as const;
const UNITS = { 'frost.dkg.vs_library': 'groups/s', 'frost.sign.vs_library': 'group signatures/s' } as const;

/**
 * The protocol of MPC groups, 2 of 3, against the bare mathematics of the library in the same seconds, all members in one
 * process: messages signed, verified and encrypted, shares checked. Network, database and token are not in it.
 */
export class FrostBench {
  private readonly identities: ReadonlyMap<string, MemberIdentity & { readonly fingerprint: string }>;

  constructor(stack: Stack) {
    this.identities = new Map(
      SIGNER_NAMES.map((id) => {
        const { keyFile, certificateFile } = stack.tls[id];
        const certificate = readFileSync(certificateFile, 'utf8');
        const fingerprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
        return [id, { privateKey: readFileSync(keyFile, 'utf8'), certificate, fingerprint }];
      }),
    );
  }

  measure(name: FrostFigure, say: (line: string) => void): Figure {
    const [ours, bare] = name === 'frost.dkg.vs_library' ? this.generations() : this.signings();
    ours();
    bare();
    const runs: Run[] = [];
    for (let run = 1; run <= RUNS; run += 1) {
      const before = timed(ROUNDS[name], bare);
      const measured = timed(ROUNDS[name], ours);
      const against = (before + timed(ROUNDS[name], bare)) / 2;
      runs.push({ ours: measured, against });
      say(`${name}: run ${run} of ${RUNS}: ${measured.toFixed(1)} of ${against.toFixed(1)} ${UNITS[name]}`);
    }
    return { name, unit: UNITS[name], runs };
  }

  private generations(): [() => void, () => void] {
    return [() => void this.generate(), () => void generateBare()];
  }

  private signings(): [() => void, () => void] {
    const keys = this.generate().slice(0, THRESHOLD);
    const bare = generateBare().slice(0, THRESHOLD);
    return [
      () => {
        this.sign(keys);
      },
      () => {
        signBare(bare);
      },
    ];
  }

  private generate(): FrostKey[] {
    const session = randomBytes(32).toString('hex');
    const members = [...SIGNER_NAMES];
    const terms: SessionTerms = { purpose: 'generate', session, group: 'bench', threshold: THRESHOLD, members };
    const fingerprints = (member: string) => this.identities.get(member)?.fingerprint;
    const parts = members.map((member) => ({
      member,
      session: new FrostSession(terms, { member, identity: this.identity(member), fingerprints }),
    }));
    const others = (messages: readonly SignedMessage[], member: string) =>
      messages.filter(({ message }) => message.from !== member && (message.to === null || message.to === member));
    const announced = parts.map((part) => orThrow(part.session.announce()));
    const dealt = parts.flatMap((part) => orThrow(part.session.deal(others(announced, part.member))));
    const concluded = parts.map((part) => orThrow(part.session.confirm(others(dealt, part.member))));
    const confirmed = concluded.flatMap(({ message }) => message ?? []);
    return concluded.flatMap(({ group, key, place }) => {
      if (!key) return [];
      orThrow(checkConfirmations(group, key.member, place, others(confirmed, key.member), fingerprints));
      return [key];
    });
  }

  private sign(keys: readonly FrostKey[]): void {
    const [first] = keys;
    if (!first) throw new Error('nobody to sign');
    const digests = [{ inputIndex: 0, digest: randomBytes(32) }];
    const terms = signingTerms(first.group, randomBytes(32).toString('hex') as Digest);
    const fingerprints = (member: string) => this.identities.get(member)?.fingerprint;
    const say = (from: string, transcript: Digest, body: Body) =>
      signMessage({ v: 1, terms, transcript, from, to: null, body }, this.identity(from));
    const nonces = keys.map((key) => {
      const made = makeNonces(key, [0]);
      const id = randomBytes(32).toString('hex');
      const body: Body = { kind: 'nonces', id, nonces: [...made.commitments] };
      return { key, secret: made.secret, message: say(key.member, ZERO_DIGEST, body) };
    });
    const promises = nonces.map(({ message }) => message);
    const shares = new Map(
      nonces.map(({ key, secret }) => {
        const expected = { kind: 'nonces', terms, transcript: ZERO_DIGEST, to: null } as const;
        const heard = promises.map((promise) => {
          const body = orThrow(openMessage(promise, expected, fingerprints));
          return [promise.message.from, body.nonces] as const;
        });
        const made = orThrow(makeShares(key, secret, new Map(heard), digests));
        say(key.member, transcriptOf(promises.map(({ message }) => message)), { kind: 'shares', shares: [...made] });
        return [key.member, made] as const;
      }),
    );
    const commitments = new Map(
      promises.map(({ message: { from, body } }) => [from, body.kind === 'nonces' ? body.nonces : []]),
    );
    orThrow(aggregateShares(first.group, commitments, digests, shares));
  }

  private identity(member: string): MemberIdentity {
    const identity = this.identities.get(member);
    if (!identity) throw new Error(`${member} is no signer`);
    return identity;
  }
}

function generateBare() {
  const ids = SIGNER_NAMES.map((_, place) => library.Identifier.fromNumber(place + 1));
  const signers = { min: THRESHOLD, max: ids.length };
  const first = ids.map((id) => library.DKG.round1(id, signers));
  const publicOf = (own: number) => first.filter((_, place) => place !== own).map((round) => round.public);
  const second = first.map(({ secret }, own) => library.DKG.round2(secret, publicOf(own)));
  return first.map(({ secret }, own) => {
    const dealt = second.flatMap((shares, place) => (place === own ? [] : (shares[ids[own] ?? ''] ?? [])));
    return library.DKG.round3(secret, publicOf(own), dealt);
  });
}

function signBare(keys: ReturnType<typeof generateBare>): void {
  const digest = randomBytes(32);
  const nonces = keys.map((key) => library.commit(key.secret));
  const commitments = nonces.map((each) => each.commitments);
  const shares = Object.fromEntries(
    keys.map((key, place) => {
      const own = nonces[place];
      if (!own) throw new Error('a nonce for each');
      const share = library.signShare(key.secret, key.public, own.nonces, commitments, digest);
      return [key.secret.identifier, share];
    }),
  );
  const [first] = keys;
  if (first) library.aggregate(first.public, commitments, digest, shares);
}

/** @returns rounds per second */
function timed(rounds: number, act: () => void): number {
  const startedMs = performance.now();
  for (let round = 0; round < rounds; round += 1) act();
  return perSecond(rounds, performance.now() - startedMs);
}
