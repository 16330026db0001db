import { activeKey, signingKeys, type CharterState, type Wallet } from '@bulkhead/charter';
import { refused, type Refusal, type TransferIntent } from '@bulkhead/intent';
import { isLive } from '../../charter/core/charter-catch-up.js';
import type { Collected } from './collected.js';

type Paying = Exclude<Wallet, { kind: 'gas-payer' }>;

/** A wallet's signers that are in service, with keys that the charter lets sign. */
export const usableSigners = (state: CharterState, wallet: Paying): string[] =>
  liveSigners(state, wallet).filter((id) => activeKey(state, wallet, id).ok);

/**
 * What becomes of a transfer that too few signers are left for, before any is asked: one that is asked commits its coins.
 * While suspended keys could still make a quorum, it waits for them as long as its intent lasts.
 */
export function tooFewSigners(state: CharterState, wallet: Paying, { expiresAt }: TransferIntent): Collected {
  const codes = liveSigners(state, wallet).map((id) => {
    const key = activeKey(state, wallet, id);
    return key.ok ? 'active' : key.refusal.code;
  });
  const possible = codes.filter((code) => code === 'active' || code === 'key.suspended').length;
  const isOver = new Date().toISOString() > expiresAt;
  return possible >= wallet.threshold && !isOver
    ? { kind: 'WAITING', refusal: SUSPENDED }
    : { kind: 'REFUSED', refusal: NO_SIGNERS };
}

const liveSigners = (state: CharterState, wallet: Paying): string[] =>
  signingKeys(state, wallet)
    .map(({ signer }) => signer)
    .filter((id) => isLive(state, id));

const SUSPENDED: Refusal = refused(
  'key.suspended',
  'So many of the wallet’s keys are suspended that no quorum is left: it waits until one is activated again.',
).refusal;

export const NO_SIGNERS: Refusal = refused(
  'signer.quorum-unavailable',
  'The wallet has too few signers to reach its threshold.',
).refusal;
