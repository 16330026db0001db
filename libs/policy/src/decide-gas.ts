import { checkNotFrozen, safeContractsOf, type CharterState, type GasPayer, type SafeWallet } from '@bulkhead/charter';
import {
  decodeGasTransaction,
  gasMaxCostWei,
  ownerAddress,
  recoverSigner,
  safeTxHash,
  gasTransactionSchema,
  type GasCall,
} from '@bulkhead/ethereum';
import { accepted, isEthereumChain, refused, type Result } from '@bulkhead/intent';
import { z } from 'zod';

/** An EVM transaction of the house's gas payer, as it is put to the signer that holds its key. */
export const gasRequestSchema = z.strictObject({
  transaction: gasTransactionSchema,
  /** The Safe nonce that its owners signed for; null when a Safe is deployed. */
  safeNonce: z
    .string()
    .regex(/^(0|[1-9]\d{0,15})$/)
    .nullable(),
});
export type GasRequest = z.infer<typeof gasRequestSchema>;

export interface GasDecision {
  readonly payer: GasPayer;
  /** The Safe that the gas is spent for, and so the owner that receives the gift. */
  readonly beneficiary: SafeWallet;
  readonly call: GasCall;
  /** Used once: `<chain>/gas:<address>:<nonce>`. */
  readonly resource: string;
  /** The most that it can cost, in wei. */
  readonly maxCostWei: bigint;
}

/**
 * May the house's gas payer sign this EVM transaction? Only to deploy a Safe of the charter, or to execute on such a
 * Safe what enough of its owners have signed; never with value, never above the cap (invariant 8).
 */
export function decideGas(state: CharterState, { transaction: tx, safeNonce }: GasRequest): Result<GasDecision> {
  const payer = state.wallets.find(
    (wallet) => wallet.kind === 'gas-payer' && wallet.chain === tx.chain && wallet.address === tx.from,
  );
  if (payer?.kind !== 'gas-payer') {
    return refused('charter.unknown-wallet', 'Not a gas payer of the charter.', { from: tx.from });
  }
  const maxCostWei = gasMaxCostWei(tx);
  const cap = BigInt(state.limits.maxGasCostWei);
  if (maxCostWei > cap) {
    return refused('ethereum.gas-over-cap', 'The gas could cost more than the firm allows.', {
      maxCostWei: maxCostWei.toString(),
      cap: cap.toString(),
    });
  }
  const call = decodeGasTransaction(tx, { contracts: safeContractsOf(state) });
  if (!call.ok) return call;
  const safe = call.value.safe;
  const beneficiary = state.wallets.find(
    (wallet) => wallet.kind === 'safe' && wallet.chain === tx.chain && wallet.address === safe,
  );
  if (beneficiary?.kind !== 'safe') {
    return refused('ethereum.gas-call-not-allowed', 'Not a Safe of the charter.', { safe });
  }
  const moving = checkNotFrozen(state, { owner: beneficiary.owner, wallet: beneficiary.id });
  if (!moving.ok) return moving;
  if (call.value.kind === 'execute-safe') {
    const signed = checkOwnersSigned(beneficiary, call.value, safeNonce);
    if (!signed.ok) return signed;
  }
  const resource = `${tx.chain}/gas:${payer.address.toLowerCase()}:${tx.nonce}`;
  return accepted({ payer, beneficiary, call: call.value, resource, maxCostWei });
}

/** The inner transaction carries valid signatures of as many owners as the Safe's threshold. */
function checkOwnersSigned(
  safe: SafeWallet,
  { call, signatures }: Extract<GasCall, { kind: 'execute-safe' }>,
  nonce: string | null,
): Result<true> {
  if (nonce === null || !isEthereumChain(safe.chain)) {
    return refused('ethereum.gas-call-not-allowed', 'An execution names the Safe nonce that its owners signed for.');
  }
  const owners = new Set(safe.keys.map((key) => ownerAddress(key.publicKey)));
  const digest = safeTxHash(safe.chain, safe.address, { ...call, nonce });
  const signers = new Set(signatures.map((signature) => recoverSigner(digest, signature)));
  const signed = [...owners].filter((owner) => signers.has(owner)).length;
  return signed >= safe.threshold
    ? accepted(true)
    : refused('ethereum.gas-call-not-allowed', 'Too few owners of the Safe have signed what it would execute.', {
        safe: safe.id,
        signed: String(signed),
        threshold: String(safe.threshold),
      });
}
