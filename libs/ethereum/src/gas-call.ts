import { accepted, refused, type Result } from '@bulkhead/intent';
import { isSameAddress } from './addresses.js';
import { type SafeContracts } from './contracts.js';
import { decodeSafeDeployment, type SafeDeployment } from './deployment.js';
import { type GasTransaction } from './gas-transaction.js';
import { decodeExecTransaction, type ExecutedCall } from './safe-transaction.js';

/** What a gas transaction makes happen. */
export type GasCall =
  | ({ readonly kind: 'deploy-safe' } & SafeDeployment)
  | {
      readonly kind: 'execute-safe';
      /** The account that is called. It is for the caller to know whether it is a Safe of the charter. */
      readonly safe: string;
      /** Its transaction without the nonce, which calldata does not hold: with it, `safeTxHash` gives what was signed. */
      readonly call: ExecutedCall;
      /** 65 bytes each, in the order they stand. `recoverSigner` tells whose they are. */
      readonly signatures: readonly string[];
    };

/**
 * The gas payer pays for two things only: the deployment of a Safe through the pinned factory, in the one form that we
 * make, and `execTransaction`. Everything else is refused with `ethereum.gas-call-not-allowed`.
 */
export function decodeGasTransaction(tx: GasTransaction, context: { contracts: SafeContracts }): Result<GasCall> {
  if (isSameAddress(tx.to, context.contracts.proxyFactory.address)) {
    const deployment = decodeSafeDeployment(tx.data, context.contracts);
    if (deployment !== undefined) return accepted({ kind: 'deploy-safe', ...deployment });
  } else {
    const execution = decodeExecTransaction(tx.data);
    if (execution !== undefined) return accepted({ kind: 'execute-safe', safe: tx.to, ...execution });
  }
  return refused('ethereum.gas-call-not-allowed', 'The gas payer pays for Safe deployments and executions only.', {
    to: tx.to,
    selector: tx.data.slice(0, 10),
  });
}
