import { randomBytes, randomUUID } from 'node:crypto';
import { checkQuorum } from '@bulkhead/approval';
import { addressOfScript, buildPsbt, deriveAddress, signingDigests, type WalletCoin } from '@bulkhead/bitcoin';
import { addressKey, bitcoinSpec, quorumFor, type BitcoinWallet } from '@bulkhead/charter';
import {
  bitcoinAsset,
  intentDigest,
  orThrow,
  payloadDigest,
  REGTEST,
  type Payload,
  type TransferIntent,
} from '@bulkhead/intent';
import {
  approvalContext,
  checkIntent,
  checkInvariants,
  decideTransfer,
  NO_EVIDENCE,
  type TransferRequest,
} from '@bulkhead/policy';
import { Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { BenchCharter } from './bench-charter.js';
import type { Figure, Run } from './figures.js';
import type { RawTokens } from './raw-tokens.js';

const RUNS = 5;
const CHECKS = 300;
const RAW_MS = 750;
const BTC = bitcoinAsset(REGTEST);
const HOUR_MS = 3_600_000;

/**
 * What a signer computes for one Bitcoin transfer before it signs (decode, invariants, the initiator's and both approvers'
 * signatures, the digest of its own key), in milliseconds, as a multiple of one bare C_Sign of its token in the same run.
 * Once without policies and once with those that a firm starts with; neither the database nor the peers are in it.
 */
export async function measureSignerCheck(tokens: RawTokens, say: (line: string) => void): Promise<Figure[]> {
  const { charter, wallet, request } = makeTransfer();
  const bare: Run[] = [];
  const whole: Run[] = [];
  const without = (): void => {
    checkWithoutPolicy(charter, wallet, request);
  };
  const withPolicies = (): void => {
    orThrow(decideTransfer(charter.state, request, new Date().toISOString(), NO_EVIDENCE));
    digestsOf(charter, wallet, request.payload);
  };
  meanMs(without); // warms up
  meanMs(withPolicies);
  for (let run = 1; run <= RUNS; run += 1) {
    const signMs = 1_000 / (await tokens.one(RAW_MS));
    bare.push({ ours: meanMs(without), against: signMs });
    whole.push({ ours: meanMs(withPolicies), against: signMs });
    say(`signer.check: run ${run} of ${RUNS}: ${bare.at(-1)?.ours.toFixed(2)} ms, C_Sign ${signMs.toFixed(2)} ms`);
  }
  return [
    { name: 'signer.check.vs_sign', unit: 'ms', runs: bare },
    { name: 'signer.check.with_policies.vs_sign', unit: 'ms', runs: whole },
  ];
}

function meanMs(check: () => void): number {
  const startedMs = performance.now();
  for (let done = 0; done < CHECKS; done += 1) check();
  return (performance.now() - startedMs) / CHECKS;
}

function checkWithoutPolicy({ state }: BenchCharter, wallet: BitcoinWallet, request: TransferRequest): void {
  const { intent, proposal, payload, approvals } = request;
  const at = new Date().toISOString();
  const checked = orThrow(checkIntent(state, intent, proposal, at));
  orThrow(checkInvariants(state, checked, payload));
  const quorum = quorumFor(state, 'transfer.PAYMENT');
  if (!quorum) throw new Error('the bench has a quorum for payments');
  const context = approvalContext(state, intent, checked.digest, payloadDigest(payload), at);
  orThrow(checkQuorum(quorum, proposal, approvals, context));
  digestsOf({ state }, wallet, payload);
}

function digestsOf({ state }: Pick<BenchCharter, 'state'>, wallet: BitcoinWallet, payload: Payload): void {
  if (payload.kind !== 'psbt') throw new Error('the bench signs PSBTs');
  orThrow(
    signingDigests(payload.psbt, bitcoinSpec(wallet), (script) => {
      const address = addressOfScript(Buffer.from(script, 'hex'), REGTEST);
      const managed = address === undefined ? undefined : state.addresses.get(addressKey(wallet.chain, address));
      return managed?.branch === undefined || managed.index === undefined
        ? undefined
        : { branch: managed.branch, index: managed.index };
    }),
  );
}

function makeTransfer(): { charter: BenchCharter; wallet: BitcoinWallet; request: TransferRequest } {
  const charter = new BenchCharter();
  const wallet: BitcoinWallet = {
    kind: 'bitcoin-multisig',
    id: 'alpha-btc',
    owner: 'alpha',
    chain: REGTEST,
    threshold: 2,
    keys: ['signer-a', 'signer-b', 'signer-c'].map((signer) => ({ signer, publicKey: newPublicKey() })),
    recovery: { kind: 'none' },
    recoveryDelayBlocks: 1_000,
    addressWindow: 20,
  };
  const payee = deriveAddress({ ...bitcoinSpec(wallet), threshold: 1, quorumKeys: [newPublicKey()] }, 0, 0).address;
  charter.append({ kind: 'asset.list', asset: { id: BTC, symbol: 'BTC', decimals: 8 } });
  charter.append({ kind: 'client.open', owner: { id: 'alpha', name: 'Alpha' } });
  charter.append({ kind: 'wallet.open', wallet });
  const destination = { owner: 'alpha', chain: REGTEST, address: payee, label: 'a bank' };
  charter.append({ kind: 'destination.approve', id: randomUUID(), ...destination });
  const built = buildPsbt({
    spec: bitcoinSpec(wallet),
    coins: [coinOf(wallet)],
    payments: [{ address: payee, amountSat: 60_000n }],
    change: { branch: 1, index: 0 },
    feeRateSatVb: 5n,
    maxFeeSat: 50_000n,
  });
  const payload: Payload = { kind: 'psbt', chain: REGTEST, psbt: orThrow(built).psbt };
  return { charter, wallet, request: requestFor(charter, payload, payee) };
}

function requestFor(charter: BenchCharter, payload: Payload, to: string): TransferRequest {
  const intent: TransferIntent = {
    v: 1,
    kind: 'transfer',
    firm: charter.state.firm,
    id: randomUUID(),
    purpose: 'PAYMENT',
    owner: 'alpha',
    wallet: 'alpha-btc',
    asset: BTC,
    to,
    amount: '60000',
    maxFee: '50000',
    memo: '',
    initiator: 'member-0',
    createdAt: new Date().toISOString(),
    expiresAt: new Date(Date.now() + HOUR_MS).toISOString(),
  };
  const digest = intentDigest(intent);
  const terms = { firm: charter.state.firm, intent: digest, charterSequence: charter.charterSequence };
  const [first, ...others] = charter.people;
  if (!first) throw new Error('a bench has members');
  return {
    intent,
    proposal: first.device.say('PROPOSE', { ...terms, payload: digest }),
    payload,
    approvals: others.map(({ device }) => device.say('APPROVE', { ...terms, payload: payloadDigest(payload) })),
    attestations: [],
  };
}

/** A coin that no chain has seen: to the check it is as good as any. */
function coinOf(wallet: BitcoinWallet): WalletCoin {
  const previous = new Transaction();
  previous.version = 2;
  previous.addInput(Uint8Array.from(randomBytes(32)), 0);
  const script = Buffer.from(deriveAddress(bitcoinSpec(wallet), 0, 0).scriptPubKey, 'hex');
  previous.addOutput(Uint8Array.from(script), 100_000n);
  const place = { vout: 0, branch: 0 as const, index: 0 };
  return { txid: previous.getId(), amountSat: 100_000n, ...place, previousTransaction: previous.toHex() };
}

function newPublicKey(): string {
  const point = ecc.pointFromScalar(randomBytes(32), true);
  return point ? Buffer.from(point).toString('hex') : newPublicKey();
}
