import { accepted, refused, type Result, type SafeTx } from '@bulkhead/intent';
import { isSameAddress } from './addresses.js';
import { type SafeContracts } from './contracts.js';
import { decodeSafeDeployment, type SafeDeployment } from './deployment.js';
import { type GasTransaction } from './gas-transaction.js';
import { decodeExecTransaction, safeTxHash } from './safe-transaction.js';

/** What a gas transaction makes happen. */
export type GasCall =
  | ({ readonly kind: 'deploy-safe' } & SafeDeployment)
  | {
      readonly kind: 'execute-safe';
      /** The account that is called. It is for the caller to know whether it is a Safe of the charter. */
      readonly safe: string;
      readonly safeTx: SafeTx;
      /** What the owners must have signed for this call to succeed at the nonce that was given. */
      readonly safeTxHash: string;
      /** 65 bytes each, in the order they stand; `recoverSafeSigner` tells whose they are. */
      readonly signatures: readonly string[];
    };

export interface GasContext {
  readonly contracts: SafeContracts;
  /**
   * The Safe's nonce, for an execution: calldata does not hold it. Whoever names it need not be believed: with a wrong
   * one the signatures are of nobody.
   */
  readonly safeNonce: bigint | undefined;
}

/**
 * The gas payer pays for two things only: the deployment of a Safe through the pinned factory, in the one form that we
 * make, and `execTransaction`. Everything else is refused with `ethereum.gas-call-not-allowed`.
 */
export function decodeGasTransaction(tx: GasTransaction, context: GasContext): Result<GasCall> {
  if (isSameAddress(tx.to, context.contracts.proxyFactory.address)) {
    const deployment = decodeSafeDeployment(tx.data, context.contracts);
    return deployment === undefined ? notAllowed(tx) : accepted({ kind: 'deploy-safe', ...deployment });
  }
  const execution = decodeExecTransaction(tx.data);
  if (execution === undefined) return notAllowed(tx);
  if (context.safeNonce === undefined) {
    return refused('ethereum.gas-call-not-allowed', "Name the Safe's nonce: without it nobody knows what was signed.", {
      to: tx.to,
    });
  }
  const safeTx: SafeTx = { ...execution.call, nonce: context.safeNonce.toString() };
  return accepted({
    kind: 'execute-safe',
    safe: tx.to,
    safeTx,
    safeTxHash: safeTxHash(tx.chain, tx.to, safeTx),
    signatures: execution.signatures,
  });
}

const notAllowed = (tx: GasTransaction): Result<never> =>
  refused('ethereum.gas-call-not-allowed', 'The gas payer pays for Safe deployments and executions only.', {
    to: tx.to,
    selector: tx.data.slice(0, 10),
  });
