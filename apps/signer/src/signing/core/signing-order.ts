import {
  activeKey,
  addressKey,
  bitcoinSpec,
  firmHead,
  taprootSpec,
  type BitcoinWallet,
  type CharterState,
  type Wallet,
} from '@bulkhead/charter';
import { addressOfScript, signingDigests, taprootDigests, type OwnAddressLookup } from '@bulkhead/bitcoin';
import { gasTransactionDigest, safeTxHash } from '@bulkhead/ethereum';
import {
  accepted,
  isBitcoinChain,
  isEthereumChain,
  OWNER_SWAP,
  payloadDigest,
  refused,
  type Digest,
  type Payload,
  type Result,
} from '@bulkhead/intent';
import {
  checkIntent,
  checkInvariants,
  decideGas,
  decideTransfer,
  NO_HISTORY,
  partiesOf,
  velocityRead,
  type GasRequest,
  type History,
  type PastSpend,
  type TransferRequest,
} from '@bulkhead/policy';
import { decisionFacts, historyFacts, refusedOn } from './decision-facts.js';

/** By this signer's key in its token, or by its share of a group's key. */
export type Scheme = 'ecdsa' | 'frost';

/** What may be signed, once it is recorded. Only the functions of this file make one. */
export interface SigningOrder {
  readonly wallet: string;
  readonly scheme: Scheme;
  /** This signer's key of the wallet, as the charter has it: active. */
  readonly publicKey: string;
  /** What this uses up for ever: coins, a Safe's nonce, a gas payer's nonce. */
  readonly resources: readonly string[];
  /** Digest of the intent in whose place this stands; null when it replaces none. */
  readonly replaces: Digest | null;
  /** What it pays; null for an owner swap, which pays nobody, and for gas, which has its cap in the charter. */
  readonly spends: PastSpend | null;
  readonly digests: readonly DigestToSign[];
  /** On what it was decided, for the record. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface DigestToSign {
  /** Which input of a Bitcoin transaction; null for what has one signature only. */
  readonly inputIndex: number | null;
  /** 32 bytes, computed here from the payload's own bytes. */
  readonly digest: Uint8Array;
}

/** What can be decided of a transfer before any other signer is asked. `at`: RFC 3339 by the signer's own clock. */
export function spendOf(state: CharterState, request: TransferRequest, at: string): Result<PastSpend> {
  const { intent, proposal, payload } = request;
  const behind = checkNotBehind(state, request);
  if (!behind.ok) return behind;
  const checked = checkIntent(state, intent, proposal, at);
  if (!checked.ok) return checked;
  const held = checkInvariants(state, checked.value, payload);
  if (!held.ok) return held;
  const { wallet, owner, payee, amount } = held.value;
  const { asset, initiator, purpose } = intent;
  const digest = payloadDigest(payload);
  return accepted({
    payloadDigest: digest,
    wallet: wallet.id,
    owner: owner.id,
    asset,
    payee,
    initiator,
    purpose,
    amount,
    at,
  });
}

/** A wallet's key is held in one way: an MPC wallet is never signed for by a key of the token, nor the reverse. */
export function ofScheme(scheme: Scheme, order: Result<SigningOrder>): Result<SigningOrder> {
  if (!order.ok || order.value.scheme === scheme) return order;
  return refused('signer.wrong-wallet', 'This wallet is not signed for in this way.', { wallet: order.value.wallet });
}

/** Nothing was decided for good: what the answer depends on was moving. */
export const contended = refused(
  'signer.contended',
  'Another transfer that counts for the same limit is being decided, or the charter has just moved: ask again.',
);

/** What would be signed for a transfer, if it may be. */
export function digestsToSign(
  state: CharterState,
  { intent, payload }: TransferRequest,
): Result<Pick<SigningOrder, 'wallet' | 'digests'>> {
  const wallet = state.wallets.get(intent.wallet);
  if (!wallet) return refused('charter.unknown-wallet', 'No such wallet in the charter.', { wallet: intent.wallet });
  const digests = transferDigests(state, wallet, payload);
  return digests.ok ? accepted({ wallet: wallet.id, digests: digests.value }) : digests;
}

/** Whether this signer signs a transfer, and what. `history`: what it and the other signers have agreed to. */
export function transferOrder(
  state: CharterState,
  signer: string,
  request: TransferRequest,
  spend: PastSpend,
  history: History,
): Result<SigningOrder> {
  const behind = checkNotBehind(state, request);
  if (!behind.ok) return behind;
  const decision = decideTransfer(state, request, spend.at, history);
  const past = history === NO_HISTORY ? {} : historyFacts(history, velocityRead(state, spend.owner, spend.wallet));
  if (!decision.ok) return refusedOn(decision.refusal, past);
  const { wallet, payload, verdict } = decision.value;
  const parties = partiesOf(state, decision.value);
  if (!parties.ok) return parties;
  const publicKey = activeKey(state, wallet, signer);
  if (!publicKey.ok) return publicKey;
  const digests = transferDigests(state, wallet, payload);
  if (!digests.ok) return digests;
  const { resources } = verdict;
  return accepted({
    wallet: wallet.id,
    scheme: wallet.kind === 'taproot-mpc' ? 'frost' : 'ecdsa',
    publicKey: publicKey.value,
    resources,
    replaces: request.intent.replaces ?? null,
    spends: request.intent.purpose === OWNER_SWAP ? null : spend,
    digests: digests.value,
    facts: { ...decisionFacts(decision.value, parties.value), ...past },
  });
}

/** Members that have seen more of the firm's charter than this signer approved by rules that it does not know yet. */
function checkNotBehind(state: CharterState, { proposal, approvals }: TransferRequest): Result<true> {
  const seen = Math.max(...[proposal, ...approvals].map(({ statement }) => statement.charterSequence));
  const { sequence } = firmHead(state);
  if (seen <= sequence) return accepted(true);
  return refused('charter.behind', 'This signer lacks entries of the firm’s charter: bring them first.', {
    approved: String(seen),
    charter: String(sequence),
  });
}

/** Whether this signer signs a transaction of the house's gas payer, and what. */
export function gasOrder(state: CharterState, signer: string, request: GasRequest): Result<SigningOrder> {
  const decision = decideGas(state, request);
  if (!decision.ok) return decision;
  const { payer, resource, beneficiary, maxCostWei } = decision.value;
  const publicKey = activeKey(state, payer, signer);
  if (!publicKey.ok) return publicKey;
  const digests = [{ inputIndex: null, digest: gasTransactionDigest(request.transaction) }];
  const terms = { wallet: payer.id, scheme: 'ecdsa', resources: [resource], replaces: null, spends: null } as const;
  const facts = { beneficiary: beneficiary.id, maxCostWei: maxCostWei.toString() };
  return accepted({ ...terms, publicKey: publicKey.value, digests, facts });
}

function transferDigests(state: CharterState, wallet: Wallet, payload: Payload): Result<readonly DigestToSign[]> {
  if (wallet.kind === 'bitcoin-multisig' && payload.kind === 'psbt') {
    const digests = signingDigests(payload.psbt, bitcoinSpec(wallet), ownAddresses(state, wallet));
    return digests.ok ? accepted(digests.value.map(({ inputIndex, digest }) => ({ inputIndex, digest }))) : digests;
  }
  if (wallet.kind === 'taproot-mpc' && payload.kind === 'psbt') {
    const digests = taprootDigests(payload.psbt, taprootSpec(wallet));
    return digests.ok ? accepted(digests.value.map(({ inputIndex, digest }) => ({ inputIndex, digest }))) : digests;
  }
  if (wallet.kind === 'safe' && payload.kind === 'safe-tx' && isEthereumChain(payload.chain)) {
    const hash = safeTxHash(payload.chain, wallet.address, payload.tx);
    return accepted([{ inputIndex: null, digest: Buffer.from(hash.slice(2), 'hex') }]);
  }
  return refused('transfer.payload-differs', 'The payload is not of the wallet’s kind.', { wallet: wallet.id });
}

/** The wallet's places by output script, out of the charter's index of managed addresses. */
function ownAddresses(state: CharterState, wallet: BitcoinWallet): OwnAddressLookup {
  return (scriptPubKey) => {
    if (!isBitcoinChain(wallet.chain)) return undefined;
    const address = addressOfScript(Buffer.from(scriptPubKey, 'hex'), wallet.chain);
    const managed = address === undefined ? undefined : state.addresses.get(addressKey(wallet.chain, address));
    if (managed?.wallet !== wallet.id || managed.branch === undefined || managed.index === undefined) return undefined;
    return { branch: managed.branch, index: managed.index };
  };
}
