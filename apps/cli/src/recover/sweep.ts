import { randomUUID } from 'node:crypto';
import { buildPsbt, sweepOf } from '@bulkhead/bitcoin';
import {
  bitcoinSpec,
  type BitcoinWallet,
  type CharterState,
  type MpcWallet,
  type SafeWallet,
  taprootSpec,
} from '@bulkhead/charter';
import { buildSafeTransfer } from '@bulkhead/ethereum';
import {
  bitcoinAsset,
  intentDigest,
  isBitcoinChain,
  orThrow,
  payloadDigest,
  type AssetId,
  type Payload,
  type TransferIntent,
} from '@bulkhead/intent';
import { checkIntent, checkTransfer, NO_EVIDENCE, type TransferDecision, type TransferRequest } from '@bulkhead/policy';
import { Failure, type BitcoinRpc, type EthereumRpc } from '../stack/index.js';
import { coinsOf, requireNetwork } from './bitcoin-coins.js';
import type { OfflineMember } from './member.js';
import { holdingOf, requireEthereum, safeOnChain } from './safe-on-chain.js';

/** Approvers of a disaster are far apart. */
const LIFE_MS = 7 * 86_400_000;

export interface SweepWish {
  readonly wallet: string;
  /** An approved destination of the owner. */
  readonly to: string;
  /** Which asset of a Safe; a Bitcoin wallet has one. */
  readonly asset?: AssetId;
  readonly feeRateSatVb: bigint;
  /** Coins not to be moved, `txid:vout`: a kit does not know which deposits were in quarantine. */
  readonly leave: readonly string[];
}

export interface Nodes {
  readonly bitcoin?: BitcoinRpc;
  readonly ethereum?: EthereumRpc;
}

/**
 * Proposes to pay all that a wallet holds to an approved destination of its owner. The request is one like any other:
 * the charter's rules decide on it, and its approvals bind to the exact bytes.
 *
 * @throws RefusalError when the rules refuse it, Failure when the node is missing or of another network
 */
export async function proposeSweep(
  state: CharterState,
  member: OfflineMember,
  wish: SweepWish,
  nodes: Nodes,
): Promise<TransferRequest> {
  const wallet = state.wallets.get(wish.wallet);
  if (wallet === undefined || wallet.kind === 'gas-payer') {
    throw new Failure(`The kit has no wallet ${wish.wallet} that can be swept.`);
  }
  const { asset, amount, payload, maxFee } =
    wallet.kind === 'safe'
      ? await safeSweep(state, wallet, wish, nodes)
      : await bitcoinSweep(state, wallet, wish, nodes);
  const now = Date.now();
  const intent: TransferIntent = {
    v: 1,
    kind: 'transfer',
    firm: state.firm,
    id: randomUUID(),
    purpose: 'PAYMENT',
    owner: wallet.owner,
    wallet: wallet.id,
    asset,
    to: wish.to,
    amount: amount.toString(),
    maxFee: maxFee.toString(),
    memo: 'recovery',
    initiator: member.id,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + LIFE_MS).toISOString(),
  };
  const digest = intentDigest(intent);
  const proposal = member.say('PROPOSE', digest, digest, intent.expiresAt);
  const request: TransferRequest = { intent, proposal, payload, approvals: [], attestations: [] };
  checkedNow(state, request);
  return request;
}

/** The request with one more approval, of the bytes as they are. The caller has shown them decoded. */
export function approveSweep(member: OfflineMember, request: TransferRequest): TransferRequest {
  const { intent, payload, approvals } = request;
  const approval = member.say('APPROVE', intentDigest(intent), payloadDigest(payload), intent.expiresAt);
  return { ...request, approvals: [...approvals, approval] };
}

/**
 * Decides everything but the approvals, as a signer would that has no history: the signers’ databases are gone.
 * @throws RefusalError
 */
export function checkedNow(state: CharterState, { intent, proposal, payload }: TransferRequest): TransferDecision {
  const at = new Date().toISOString();
  return orThrow(checkTransfer(state, orThrow(checkIntent(state, intent, proposal, at)), payload, at, NO_EVIDENCE));
}

interface Part {
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly maxFee: bigint;
  readonly payload: Payload;
}

async function bitcoinSweep(
  state: CharterState,
  wallet: BitcoinWallet | MpcWallet,
  { to, feeRateSatVb, leave }: SweepWish,
  { bitcoin }: Nodes,
): Promise<Part> {
  if (!bitcoin || !isBitcoinChain(wallet.chain))
    throw new Failure('A Bitcoin wallet needs a node.', 'Give --bitcoind.');
  await requireNetwork(bitcoin, wallet.chain);
  const spec = wallet.kind === 'taproot-mpc' ? taprootSpec(wallet) : bitcoinSpec(wallet);
  const movable = (await coinsOf(bitcoin, state, wallet)).filter((coin) => {
    const outpoint = `${coin.txid}:${coin.vout}`;
    return !leave.includes(outpoint) && !state.frozen.has(`coin:${spec.chain}/coin:${outpoint}`);
  });
  const sweep = orThrow(sweepOf(spec, movable, to, feeRateSatVb));
  const built = orThrow(
    buildPsbt({
      spec,
      coins: sweep.coins,
      payments: [{ address: to, amountSat: sweep.amountSat }],
      change: { branch: 1, index: 0 },
      feeRateSatVb,
      maxFeeSat: BigInt(state.limits.maxFeeSat),
    }),
  );
  return {
    asset: bitcoinAsset(wallet.chain),
    amount: sweep.amountSat,
    maxFee: built.facts.feeSat,
    payload: { kind: 'psbt', chain: wallet.chain, psbt: built.psbt },
  };
}

async function safeSweep(
  state: CharterState,
  wallet: SafeWallet,
  { to, asset }: SweepWish,
  { ethereum }: Nodes,
): Promise<Part> {
  if (!ethereum) throw new Failure('A Safe needs an Ethereum node.', 'Give --ethereum.');
  if (!asset) throw new Failure('A Safe can hold several assets.', 'Say which one with --asset.');
  await requireEthereum(ethereum, state);
  const { nonce } = await safeOnChain(ethereum, state, wallet);
  const amount = await holdingOf(ethereum, wallet.address, asset);
  const tx = buildSafeTransfer({ asset, to, amount, nonce });
  return {
    asset,
    amount,
    maxFee: 0n,
    payload: { kind: 'safe-tx', chain: wallet.chain, safe: wallet.address, tx },
  };
}
