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
  type Result,
  type TransferIntent,
} from '@bulkhead/intent';
import {
  attestationSchema,
  checkIntent,
  checkTransfer,
  freshAttestations,
  NO_HISTORY,
  type TransferDecision,
  type TransferRequest,
} from '@bulkhead/policy';
import { Failure, readJsonFile, type BitcoinRpc, type EthereumRpc } from '../stack/index.js';
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
  /** In its smallest unit; undefined: all. */
  readonly amount?: bigint;
  readonly feeRateSatVb: bigint;
  /** Coins not to be moved, `txid:vout`: a kit does not know which deposits were in quarantine. */
  readonly leave: readonly string[];
}

export interface Nodes {
  readonly bitcoin?: BitcoinRpc;
  readonly ethereum?: EthereumRpc;
}

/**
 * Proposes to pay all that a wallet holds, or a part of it, to an approved destination of its owner. The request is one
 * like any other: the charter's rules decide on it ({@link checkNow}), and its approvals bind to the exact bytes.
 *
 * @throws RefusalError when its bytes cannot be built, Failure when the node is missing or of another network
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
  return { intent, proposal, payload, approvals: [], attestations: [] };
}

/** The request with what attestors say, read from files, in the place of what it had of these kinds or has grown old. */
export function withAttested(state: CharterState, request: TransferRequest, files: readonly string[]): TransferRequest {
  const given = files.map((file) => readJsonFile(file, 'an attestor’s statement', attestationSchema));
  const kept = freshAttestations(state, request.attestations, new Date().toISOString()).filter(
    (had) => !given.some(({ statement }) => statement.kind === had.statement.kind),
  );
  return { ...request, attestations: [...kept, ...given] };
}

/** The request with one more approval, of the bytes as they are. The caller has shown them decoded. */
export function approveSweep(member: OfflineMember, request: TransferRequest): TransferRequest {
  const { intent, payload, approvals } = request;
  const approval = member.say('APPROVE', intentDigest(intent), payloadDigest(payload), intent.expiresAt);
  return { ...request, approvals: [...approvals, approval] };
}

/** Decides everything but the approvals, as a signer would that has no history: the signers’ databases are gone. */
export function checkNow(
  state: CharterState,
  { intent, proposal, payload, attestations }: TransferRequest,
): Result<TransferDecision> {
  const at = new Date().toISOString();
  const checked = checkIntent(state, intent, proposal, at);
  return checked.ok ? checkTransfer(state, checked.value, payload, at, { ...NO_HISTORY, attestations }) : checked;
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
  { to, amount, feeRateSatVb, leave }: SweepWish,
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
  const paid =
    amount === undefined ? orThrow(sweepOf(spec, movable, to, feeRateSatVb)) : { coins: movable, amountSat: amount };
  const built = orThrow(
    buildPsbt({
      spec,
      coins: paid.coins,
      payments: [{ address: to, amountSat: paid.amountSat }],
      change: { branch: 1, index: 0 },
      feeRateSatVb,
      maxFeeSat: BigInt(state.limits.maxFeeSat),
    }),
  );
  return {
    asset: bitcoinAsset(wallet.chain),
    amount: paid.amountSat,
    maxFee: built.facts.feeSat,
    payload: { kind: 'psbt', chain: wallet.chain, psbt: built.psbt },
  };
}

async function safeSweep(
  state: CharterState,
  wallet: SafeWallet,
  { to, asset, amount: part }: SweepWish,
  { ethereum }: Nodes,
): Promise<Part> {
  if (!ethereum) throw new Failure('A Safe needs an Ethereum node.', 'Give --ethereum.');
  if (!asset) throw new Failure('A Safe can hold several assets.', 'Say which one with --asset.');
  await requireEthereum(ethereum, state);
  const { nonce } = await safeOnChain(ethereum, state, wallet);
  const amount = part ?? (await holdingOf(ethereum, wallet.address, asset));
  const tx = buildSafeTransfer({ asset, to, amount, nonce });
  return {
    asset,
    amount,
    maxFee: 0n,
    payload: { kind: 'safe-tx', chain: wallet.chain, safe: wallet.address, tx },
  };
}
