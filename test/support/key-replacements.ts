import { permittedSwap, type Act, type CharterState, type SafeWallet } from '@bulkhead/charter';
import { buildOwnerSwap, safeTxHash } from '@bulkhead/ethereum';
import { orThrow, type EthereumChainId } from '@bulkhead/intent';
import { controlDigest } from '@bulkhead/keys';
import * as ecc from 'tiny-secp256k1';
import { CharterBuilder } from './charter-builder.js';
import { quorumKey, safeWallet, SIGNER_RECORDS, usualFirm } from './wallets.js';

const NONCE = 'ab'.repeat(32);

export const enrol = (id: string, tokenSerial?: string): Act => ({
  kind: 'signer.enrol',
  signer: {
    id,
    tlsFingerprint: Buffer.from(id.padEnd(32, '.')).toString('hex'),
    ...(tokenSerial !== undefined && { tokenSerial }),
  },
});

/** The usual firm, with signer-d and signer-e in service, each with a token that the charter names. */
export function firmOfFive(genesis = {}): CharterBuilder {
  const firm = usualFirm(CharterBuilder.start(SIGNER_RECORDS, { genesis }));
  firm.append(enrol('signer-d', 'd0'));
  firm.append(enrol('signer-e', 'e0'));
  return firm;
}

export function safeOf({ wallets }: CharterState, id = 'alpha-safe'): SafeWallet {
  const wallet = wallets.get(id);
  if (wallet?.kind !== 'safe') throw new Error(`${id} is no Safe`);
  return wallet;
}

/** A replacement as an honest orchestrator would ask for it: the key is the incoming signer's, and shown to be held. */
export function replacement(
  retiring: string,
  incoming: string,
  { wallet = 'alpha-safe', label = wallet }: { wallet?: string; label?: string } = {},
): Extract<Act, { kind: 'wallet.replace-key' }> {
  const { signer, publicKey, privateKey } = quorumKey(incoming, label);
  const { address } = safeWallet(wallet, wallet.replace('-safe', ''));
  const digest = controlDigest({ nonce: NONCE, wallet, address });
  const proof = { nonce: NONCE, signature: Buffer.from(ecc.sign(digest, privateKey)).toString('hex') };
  return { kind: 'wallet.replace-key', wallet, retiring, key: { signer, publicKey }, proof };
}

/** The act that ends what is under way, with evidence that follows from it. */
export function ending(
  state: CharterState,
  nonce = 7n,
  id = 'alpha-safe',
): Extract<Act, { kind: 'wallet.key-replaced' }> {
  const { chain, address, ...wallet } = safeOf(state, id);
  const tx = buildOwnerSwap(address, orThrow(permittedSwap(state, { chain, address, ...wallet })), nonce);
  const hash = safeTxHash(chain as EthereumChainId, address, tx);
  const transaction = `0x${'11'.repeat(32)}`;
  return { kind: 'wallet.key-replaced', wallet: id, nonce: nonce.toString(), safeTxHash: hash, transaction };
}
