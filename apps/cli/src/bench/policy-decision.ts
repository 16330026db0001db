import { generateKeyPairSync, randomUUID, type JsonWebKey } from 'node:crypto';
import { POLICY_SCHEMA } from '@bulkhead/cedar';
import { applyAct, type Act, type CharterState } from '@bulkhead/charter';
import { buildSafeTransfer, predictSafeAddress } from '@bulkhead/ethereum';
import { etherAsset, intentDigest, orThrow, type TransferIntent } from '@bulkhead/intent';
import {
  checkInvariants,
  decidePolicies,
  emptyVelocity,
  policyRequest,
  type CheckedTransfer,
  type Evidence,
} from '@bulkhead/policy';
import { preparsePolicySet, preparseSchema, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { BENCH_ETHEREUM, BenchCharter } from './bench-charter.js';
import type { Figure, Run } from './figures.js';

const RUNS = 5;
const DECISIONS = 200;
/** Policies of each client's own, as far as the number in force allows. */
const PER_CLIENT = 10;
const CHAIN = BENCH_ETHEREUM;
const ASSET = etherAsset(CHAIN);
const DESTINATION = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const SCOPE = '(principal, action == Action::"transfer", resource)';
const EVIDENCE: Evidence = { velocity: emptyVelocity(), testPaid: true, attestations: [] };
/** The kinds of policies that compliance officers write for a client. */
const CONDITIONS: readonly ((limit: number) => string)[] = [
  (limit) => `context.amountMillionths > ${limit}`,
  (limit) => `context.velocity.client.day.amountMillionths > ${limit}`,
  (limit) => `context.velocity.destination.week.count > ${limit}`,
  (limit) => `context.symbol == "TUSD" && context.velocity.initiator.hour.count > ${limit}`,
  (limit) => `context.destination has ageSeconds && context.destination.ageSeconds > ${limit}`,
  (limit) => `context.destination.looksLikeKnown && context.amountMillionths > ${limit}`,
  (limit) => `!context.destination.testPaid && context.amountMillionths > ${limit}`,
  (limit) => `context.feeMillionths > ${limit}`,
  (limit) => `context.weekdayUtc == Weekday::"SUNDAY" && context.velocity.wallet.hour.count > ${limit}`,
  (limit) => `principal in Role::"compliance" && context.amountMillionths > ${limit}`,
];

/**
 * How long the policies take over one transfer, facts and all, with so many in force: the median in milliseconds.
 * Against it: Cedar asked once about all of them and the same facts, with its own validation of them.
 */
export function measurePolicyDecision(inForce: number, say: (line: string) => void): Promise<Figure> {
  const name = `policy.decide.${inForce}`;
  say(`${name}: putting ${inForce} policies into force`);
  const state = firmWith(inForce);
  const transfers = Array.from({ length: DECISIONS }, (_each, index) => transferOf(state, BigInt(index + 1)));
  preparseSchema('bench', POLICY_SCHEMA);
  preparsePolicySet('bench', {
    staticPolicies: Object.fromEntries([...state.policies.values()].map(({ id, text }) => [id, text])),
  });
  const runs: Run[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const ours = medianMs(transfers, (transfer, at) => decidePolicies(state, transfer, at, EVIDENCE).ok);
    const against = medianMs(transfers, (transfer, at) => {
      const request = orThrow(policyRequest(state, transfer, at, EVIDENCE));
      const answer = statefulIsAuthorized({
        ...request,
        preparsedSchemaName: 'bench',
        preparsedPolicySetId: 'bench',
        validateRequest: true,
      });
      return answer.type === 'success' && answer.response.decision === 'allow';
    });
    if (run === 0) continue; // warms up
    runs.push({ ours, against });
    say(`${name}: run ${run} of ${RUNS}: ${ours.toFixed(3)} ms, unsliced ${against.toFixed(3)} ms`);
  }
  return Promise.resolve({ name, unit: 'ms', runs });
}

function medianMs(transfers: readonly CheckedTransfer[], decide: (of: CheckedTransfer, at: string) => boolean): number {
  const at = new Date().toISOString();
  const times = transfers.map((transfer) => {
    const startedMs = performance.now();
    if (!decide(transfer, at)) throw new Error('the policies of the bench permit its transfers');
    return performance.now() - startedMs;
  });
  return times.toSorted((one, two) => one - two)[Math.floor(times.length / 2)] ?? NaN;
}

/** The usual policies of a firm, and some for each of its clients. */
function firmWith(inForce: number): CharterState {
  let { state } = new BenchCharter();
  const act = (one: Act): void => {
    state = orThrow(applyAct(state, one, new Date().toISOString()));
  };
  act({ kind: 'asset.list', asset: { id: ASSET, symbol: 'ETH', decimals: 18 } });
  for (let index = 0; state.policies.size < inForce; index += 1) {
    const owner = `client-${Math.floor(index / PER_CLIENT)}`;
    if (!state.owners.has(owner)) act({ kind: 'client.open', owner: { id: owner, name: owner } });
    const condition = CONDITIONS[index % CONDITIONS.length]?.(1_000_000_000 + index) ?? 'false';
    act({
      kind: 'policy.set',
      id: `limit-${index}`,
      text: `forbid ${SCOPE} when { ${condition} };`,
      owner,
      wallet: null,
    });
  }
  act({ kind: 'wallet.open', wallet: safeOf(state) });
  act({
    kind: 'destination.approve',
    id: randomUUID(),
    owner: 'client-0',
    chain: CHAIN,
    address: DESTINATION,
    label: 'a bank',
  });
  return state;
}

function safeOf({ genesis }: CharterState) {
  const keys = genesis.signers.map(({ id }) => ({ signer: id, publicKey: quorumKey() }));
  const terms = { chain: CHAIN, ownerKeys: keys.map(({ publicKey }) => publicKey), threshold: 2, saltNonce: '0' };
  return {
    kind: 'safe' as const,
    id: 'safe-0',
    owner: 'client-0',
    chain: CHAIN,
    threshold: 2,
    keys,
    saltNonce: '0',
    address: predictSafeAddress(terms, genesis.safeContracts),
  };
}

/** A compressed point of secp256k1 (SEC 1, 2.3.3). */
function quorumKey(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const { x = '', y = '' }: JsonWebKey = publicKey.export({ format: 'jwk' });
  const odd = (Buffer.from(y, 'base64url').at(-1) ?? 0) % 2 === 1;
  return `${odd ? '03' : '02'}${Buffer.from(x, 'base64url').toString('hex')}`;
}

function transferOf(state: CharterState, amountWei: bigint): CheckedTransfer {
  const [owner, wallet] = [state.owners.get('client-0'), state.wallets.get('safe-0')];
  if (!owner || wallet?.kind !== 'safe') throw new Error('the bench has a client with a Safe');
  const intent: TransferIntent = {
    v: 1,
    kind: 'transfer',
    firm: state.firm,
    id: randomUUID(),
    purpose: 'PAYMENT',
    owner: owner.id,
    wallet: wallet.id,
    asset: ASSET,
    to: DESTINATION,
    amount: amountWei.toString(),
    maxFee: '0',
    memo: '',
    initiator: 'member-0',
    createdAt: new Date().toISOString(),
    expiresAt: new Date().toISOString(),
  };
  const tx = buildSafeTransfer({ asset: ASSET, to: DESTINATION, amount: amountWei, nonce: 0n });
  const checked = {
    intent,
    digest: intentDigest(intent),
    owner,
    wallet,
    amount: amountWei,
    maxFee: 0n,
    payee: DESTINATION,
  };
  return orThrow(checkInvariants(state, checked, { kind: 'safe-tx', chain: CHAIN, safe: wallet.address, tx }));
}
