import { randomUUID } from 'node:crypto';
import { approvalChallenge, verifiesP256, type Approval } from '@bulkhead/approval';
import { applyEntry, type Act, type CharterEntry, type CharterState } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { BENCH_ETHEREUM, BenchCharter, type Person } from './bench-charter.js';
import { perSecond, type Figure, type Run } from './figures.js';

const RUNS = 5;
/** Each opens a chain of its own: what a firm has most of. */
const CLIENTS = 500;
/** Acts on each client's chain after that: destinations approved and revoked. */
const ACTS_PER_CLIENT = 4;

/**
 * How fast the reducer replays a charter, every signature of every entry verified (three P-256 signatures each: an
 * initiator and two approvers), against the bare verification of the same signatures by the same library.
 */
export function measureCharterReplay(say: (line: string) => void): Promise<Figure> {
  say(`charter: signing ${CLIENTS * (ACTS_PER_CLIENT + 1)} entries`);
  const { entries, people } = makeCharter();
  const byId = new Map(people.map((one) => [one.member.id, one]));
  const replayed = (): void => {
    replay(entries);
  };
  const verified = (): void => {
    verifyAll(entries, byId);
  };
  replayed(); // warms up
  const runs: Run[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    const ours = perSecond(entries.length, elapsedMs(replayed));
    const against = perSecond(entries.length, elapsedMs(verified));
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
  const key = people.get(statement.member)?.member.keys[0];
  if (key?.scheme !== 'p256' || signature.scheme !== 'p256')
    throw new Error('the bench signs with P-256 keys it knows');
  const challenge = Buffer.from(approvalChallenge(statement), 'hex');
  if (!verifiesP256(key.publicKey, challenge, Buffer.from(signature.value, 'hex'), 'ieee-p1363'))
    throw new Error('a signature of the bench does not verify');
}

function makeCharter(): BenchCharter {
  const charter = new BenchCharter();
  for (let client = 0; client < CLIENTS; client += 1) {
    const owner = `client-${client}`;
    charter.append({ kind: 'client.open', owner: { id: owner, name: owner } });
    for (let act = 0; act < ACTS_PER_CLIENT; act += 1) charter.append(destinationAct(owner, client, act));
  }
  return charter;
}

/** One destination of each client, approved and revoked in turn. */
function destinationAct(owner: string, client: number, act: number): Act {
  const address = `0x${(client + 1).toString(16).padStart(8, '0').repeat(5)}`;
  return act % 2 === 0
    ? { kind: 'destination.approve', id: randomUUID(), owner, chain: BENCH_ETHEREUM, address, label: 'a bank' }
    : { kind: 'destination.revoke', owner, chain: BENCH_ETHEREUM, address };
}
