import { decodePsbt } from '@bulkhead/bitcoin';
import { safeTxHash } from '@bulkhead/ethereum';
import { isBitcoinChain, isEthereumChain, orThrow, type Payload } from '@bulkhead/intent';

/**
 * What the chain will know these bytes by once they are executed, whoever sends them: signatures change neither a txid
 * without scriptSigs (BIP-141) nor a Safe transaction hash. Throws for bytes that do not decode: they were checked before.
 */
export function payloadId(payload: Payload): string {
  if (payload.kind === 'psbt' && isBitcoinChain(payload.chain)) {
    return orThrow(decodePsbt(payload.psbt, payload.chain)).unsignedTxid;
  }
  if (payload.kind === 'safe-tx' && isEthereumChain(payload.chain)) {
    return safeTxHash(payload.chain, payload.safe, payload.tx);
  }
  throw new Error(`a ${payload.kind} on ${payload.chain}`);
}
