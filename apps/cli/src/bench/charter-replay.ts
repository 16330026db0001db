import { generateKeyPairSync, randomUUID, verify, type KeyObject } from 'node:crypto';
import { approvalChallenge, p256PublicKey, type Approval, type Member, type Role } from '@bulkhead/approval';
import {
  applyEntry,
  clientChain,
  FIRM_CHAIN,
  type Act,
  type CharterEntry,
  type CharterIntent,
  type CharterState,
  type GenesisAct,
} from '@bulkhead/charter';
import { intentDigest, orThrow, REGTEST, ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import { MemberDevice } from '../members/member-device.js';
import { perSecond, type Figure, type Run } from './figures.js';

const RUNS = 5;
/** Each opens a chain of its own: what a firm has most of. */
const CLIENTS = 500;
/** Acts on each client's chain after that: destinations approved and revoked. */
const ACTS_PER_CLIENT = 4;
const HOUR_MS = 3_600_000;

interface Person {
  readonly member: Member;
  readonly device: MemberDevice;
  readonly publicKey: KeyObject;
}

/**
 * How fast the reducer replays a charter, every signature of every entry verified (three P-256 signatures each: an
 * initiator and two approvers), against the bare verification of the same signatures by the same library.
 */
export function measureCharterReplay(say: (line: string) => void): Promise<Figure> {
  const people = (['operator', 'operator', 'compliance'] as const).map(person);
  const byId = new Map(people.map((one) => [one.member.id, one]));
  say(`charter: signing ${CLIENTS * (ACTS_PER_CLIENT + 1) + 2} entries`);
  const entries = makeCharter(people);
  const runs: Run[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    const ours = perSecond(
      entries.length,
      elapsedMs(() => {
        replay(entries);
      }),
    );
    const against = perSecond(
      entries.length,
      elapsedMs(() => {
        verifyAll(entries, byId);
      }),
    );
    runs.push({ ours, against });
    say(`charter.replay: run ${run} of ${RUNS}: ${ours.toFixed(0)} of ${against.toFixed(0)} entries/s`);
  }
  return Promise.resolve({ name: 'charter.replay', unit: 'entries/s', runs });
}

function elapsedMs(work: () => void): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

function replay(entries: readonly CharterEntry[]): void {
  let state: CharterState | undefined;
  for (const entry of entries) state = orThrow(applyEntry(state, entry));
}

function verifyAll(entries: readonly CharterEntry[], people: ReadonlyMap<string, Person>): void {
  for (const { proposal, approvals } of entries)
    for (const approval of [proposal, ...approvals]) verifyOne(approval, people);
}

function verifyOne({ statement, signature }: Approval, people: ReadonlyMap<string, Person>): void {
  const key = people.get(statement.member)?.publicKey;
  if (!key || signature.scheme !== 'p256') throw new Error('the bench signs with P-256 keys that it knows');
  const challenge = Buffer.from(approvalChallenge(statement), 'hex');
  if (!verify('sha256', challenge, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature.value, 'hex')))
    throw new Error('a signature of the bench does not verify');
}

function person(role: Role, index: number): Person {
  const id = `member-${index}`;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const key = { id: `${id}-1`, scheme: 'p256' as const, publicKey: p256PublicKey(pem) };
  return {
    member: { id, person: id, name: id, role, keys: [key] },
    device: new MemberDevice(id, key.id, pem, ''),
    publicKey,
  };
}

function makeCharter(people: readonly Person[]): CharterEntry[] {
  const first = sign(people, place(undefined, FIRM_CHAIN, genesisOf(people)));
  const entries = [first];
  let state = orThrow(applyEntry(undefined, first));
  const append = (chain: string, act: Act): void => {
    const entry = sign(people, place(state, chain, act));
    state = orThrow(applyEntry(state, entry));
    entries.push(entry);
  };
  for (let client = 0; client < CLIENTS; client += 1) {
    const owner = `client-${client}`;
    append(clientChain(owner), { kind: 'client.open', owner: { id: owner, name: owner } });
    for (let act = 0; act < ACTS_PER_CLIENT; act += 1) append(clientChain(owner), destinationAct(owner, client, act));
  }
  return entries;
}

/** One destination of each client, approved and revoked in turn. */
function destinationAct(owner: string, client: number, act: number): Act {
  const chain = 'eip155:31337' as const;
  const address = `0x${(client + 1).toString(16).padStart(40, '1')}`;
  return act % 2 === 0
    ? { kind: 'destination.approve', id: randomUUID(), owner, chain, address, label: 'a bank' }
    : { kind: 'destination.revoke', owner, chain, address };
}

function genesisOf(people: readonly Person[]): GenesisAct {
  const quorum = {
    initiators: ['operator'],
    anyOf: [
      [
        { group: 'operator', threshold: 1 },
        { group: 'compliance', threshold: 1 },
      ],
    ],
  };
  const pinned = { address: `0x${'22'.repeat(20)}`, codeHash: `0x${'33'.repeat(32)}` };
  return {
    kind: 'genesis',
    name: 'Bench',
    bitcoin: REGTEST,
    ethereum: 'eip155:31337',
    safeContracts: {
      singleton: pinned,
      proxyFactory: pinned,
      fallbackHandler: pinned,
      multiSendCallOnly: pinned,
      proxyCreationCode: '0x00',
    },
    signers: ['a', 'b'].map((id, index) => ({ id, tlsFingerprint: String(index).repeat(64) })),
    members: people.map(({ member }) => member),
    quorums: { 'client.open': quorum, 'destination.approve': quorum, 'destination.revoke': quorum },
    limits: { maxFeeSat: '1', maxFeeRateSatVb: 1, maxGasCostWei: '1', feeInvoices: [] },
  };
}

function place(state: CharterState | undefined, chain: string, act: Act): CharterIntent {
  const head = state?.heads.get(chain);
  return {
    v: 1,
    kind: 'charter',
    firm: state?.firm ?? ZERO_DIGEST,
    id: randomUUID(),
    chain,
    sequence: head ? head.sequence + 1 : 0,
    previous: head?.hash ?? ZERO_DIGEST,
    firmHead: state?.heads.get(FIRM_CHAIN) ?? null,
    act,
    initiator: 'member-0',
    createdAt: new Date().toISOString(),
    expiresAt: new Date(Date.now() + HOUR_MS).toISOString(),
  };
}

function sign([first, ...others]: readonly Person[], intent: CharterIntent): CharterEntry {
  if (!first) throw new Error('a bench has members');
  const digest: Digest = intentDigest(intent);
  const terms = { firm: intent.firm, intent: digest, payload: digest, charterSequence: intent.firmHead?.sequence ?? 0 };
  return {
    v: 1,
    intent,
    proposal: first.device.say('PROPOSE', terms),
    approvals: others.map(({ device }) => device.say('APPROVE', terms)),
    enactedAt: new Date().toISOString(),
  };
}
