import { canonicalAddress, permittedSwap, type CharterState, type SafeWallet, type Wallet } from '@bulkhead/charter';
import { decodeOwnerSwap, type OwnerSwapFacts } from '@bulkhead/ethereum';
import {
  accepted,
  etherAsset,
  isEthereumChain,
  OWNER_SWAP,
  refused,
  type Payload,
  type Result,
  type TransferIntent,
} from '@bulkhead/intent';
import { together, type PolicyVerdict } from './cedar/decide.js';
import type { CheckedIntent, CheckedTransfer } from './decide-transfer.js';
import type { PayloadFacts } from './spend-facts.js';

/**
 * An intent to swap an owner has one form only: it names the Safe itself as payee, no ether and no fee. Refused is one
 * for which the charter names nothing to be replaced.
 */
export function checkSwapIntent(state: CharterState, intent: TransferIntent, wallet: Wallet): Result<SafeWallet> {
  if (wallet.kind !== 'safe' || !isEthereumChain(wallet.chain)) {
    return refused('segregation.purpose-not-allowed', 'Only a Safe swaps an owner.', { wallet: wallet.id });
  }
  const swap = permittedSwap(state, wallet);
  if (!swap.ok) return swap;
  const to = canonicalAddress(wallet.chain, intent.to);
  if (!to.ok) return to;
  const isOfItself =
    to.value === wallet.address &&
    intent.asset === etherAsset(wallet.chain) &&
    intent.amount === '0' &&
    intent.maxFee === '0';
  return isOfItself
    ? accepted(wallet)
    : refused('transfer.payload-differs', 'An owner swap names the Safe itself, and pays nobody nothing.', {
        wallet: wallet.id,
        to: intent.to,
      });
}

/** What an owner swap's bytes would do, in the terms of a transfer's facts: it uses up a nonce and moves nothing. */
export function swapFacts(
  payload: Extract<Payload, { kind: 'safe-tx' }>,
): Result<{ readonly swap: OwnerSwapFacts; readonly facts: PayloadFacts }> {
  const decoded = decodeOwnerSwap(payload);
  if (!decoded.ok) return decoded;
  const { chain, safe, nonce, previous, retiring, incoming } = decoded.value;
  const facts: PayloadFacts = {
    chain,
    sources: [{ resource: `${chain}/safe:${safe.toLowerCase()}:${nonce}`, address: safe }],
    outputs: [],
    fee: { asset: etherAsset(chain), amount: 0n },
    feeRateSatVb: 0n,
    call: {
      contract: safe.toLowerCase(),
      selector: payload.tx.data.slice(0, 10),
      arguments: [previous, retiring, incoming],
    },
  };
  return accepted({ swap: decoded.value, facts });
}

/**
 * Whether these bytes are the one swap that the charter permits this wallet: of this very Safe, with the owner before, the
 * owner that goes and the owner that comes as they follow from the charter.
 */
export function checkOwnerSwap(state: CharterState, checked: CheckedIntent, payload: Payload): Result<CheckedTransfer> {
  const { wallet } = checked;
  if (wallet.kind !== 'safe' || payload.kind !== 'safe-tx' || payload.chain !== wallet.chain) {
    return refused('transfer.payload-differs', 'The payload is not of the wallet’s kind and chain.', {
      wallet: wallet.id,
    });
  }
  const permitted = permittedSwap(state, wallet);
  if (!permitted.ok) return permitted;
  const decoded = swapFacts(payload);
  if (!decoded.ok) return decoded;
  const { swap, facts } = decoded.value;
  const { previous, retiring, incoming } = permitted.value;
  const agrees =
    swap.safe === wallet.address &&
    swap.previous === previous &&
    swap.retiring === retiring &&
    swap.incoming === incoming;
  if (!agrees) {
    return refused('transfer.payload-differs', 'The bytes are not the swap that the charter permits.', {
      wallet: wallet.id,
      permitted: `${previous} ${retiring} ${incoming}`,
      decoded: `${swap.previous} ${swap.retiring} ${swap.incoming}`,
    });
  }
  const resources = facts.sources.map(({ resource }) => resource);
  return accepted({ ...checked, facts, verdict: { payments: [], change: [], resources } });
}

/** Who approves a swap: its own quorum, and nothing that a policy could name. */
export function swapQuorum(state: CharterState): Result<PolicyVerdict> {
  const quorums = [`transfer.${OWNER_SWAP}`] as const;
  const quorum = together(state, quorums);
  return quorum.ok ? accepted({ permits: [], quorums, quorum: quorum.value }) : quorum;
}
