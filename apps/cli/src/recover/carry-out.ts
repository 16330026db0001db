import { addressOfScript, finalisePsbt, signingDigests, type InputSignature } from '@bulkhead/bitcoin';
import {
  addressKey,
  bitcoinSpec,
  isKeyActive,
  type BitcoinWallet,
  type CharterState,
  type SafeWallet,
} from '@bulkhead/charter';
import { encodeExecTransaction, ownerAddress, recoverableSignature, safeTxHash } from '@bulkhead/ethereum';
import { isBitcoinChain, isEthereumChain, orThrow, type Payload } from '@bulkhead/intent';
import { decideTransfer, NO_HISTORY, type TransferRequest } from '@bulkhead/policy';
import { Failure } from '../stack/index.js';
import { signByShares } from './shares.js';
import { withWalletKeys, type TokenPlace, type WalletKey } from './tokens.js';

/** What goes to a chain: a whole Bitcoin transaction, or the call that anybody with some ether may send to a Safe. */
export type Outcome =
  | { readonly kind: 'bitcoin'; readonly rawTransaction: string; readonly txid: string }
  | { readonly kind: 'ethereum'; readonly to: string; readonly data: string };

/**
 * Decides the whole request as each signer would, approvals included, and has the tokens sign what was decided on.
 * Nothing reaches a token before.
 *
 * @throws RefusalError with what was refused, Failure when too few tokens answer
 */
export async function carryOut(
  state: CharterState,
  request: TransferRequest,
  places: readonly TokenPlace[],
  say: (line: string) => void,
): Promise<Outcome> {
  const decision = orThrow(decideTransfer(state, request, new Date().toISOString(), NO_HISTORY));
  const { wallet, payload } = decision;
  // as signers do: a key that is suspended, retired or on its way out signs nothing, whoever has its token
  const active = places.filter(({ signer }) => isKeyActive(state, wallet, signer));
  if (wallet.kind === 'taproot-mpc') return signByShares(state.firm, wallet, payload, active, say);
  if (wallet.kind !== 'bitcoin-multisig' && wallet.kind !== 'safe') {
    throw new Failure(`Wallets of kind ${wallet.kind} are not recovered by this command.`);
  }
  return withWalletKeys(wallet, active, say, async (keys) => {
    if (keys.length < wallet.threshold) {
      throw new Failure(`${keys.length} tokens can sign for ${wallet.id}, and ${wallet.threshold} are needed.`);
    }
    say(`signed by ${keys.map(({ signer }) => signer).join(', ')}`);
    return wallet.kind === 'safe' ? signSafe(wallet, payload, keys) : signBitcoin(state, wallet, payload, keys);
  });
}

async function signBitcoin(
  state: CharterState,
  wallet: BitcoinWallet,
  payload: Payload,
  keys: readonly WalletKey[],
): Promise<Outcome> {
  if (payload.kind !== 'psbt') throw new Error('decided on as a PSBT');
  const spec = bitcoinSpec(wallet);
  const digests = orThrow(signingDigests(payload.psbt, spec, (script) => ownPlace(state, wallet, script)));
  const signatures: InputSignature[] = [];
  for (const { publicKey, sign } of keys) {
    for (const { inputIndex, digest } of digests) {
      signatures.push({ inputIndex, publicKey, signature: await sign(digest) });
    }
  }
  const { rawTransaction, txid } = orThrow(finalisePsbt(payload.psbt, spec, signatures));
  return { kind: 'bitcoin', rawTransaction, txid };
}

function ownPlace(state: CharterState, wallet: BitcoinWallet, scriptPubKey: string) {
  if (!isBitcoinChain(wallet.chain)) return undefined;
  const address = addressOfScript(Buffer.from(scriptPubKey, 'hex'), wallet.chain);
  const place = address === undefined ? undefined : state.addresses.get(addressKey(wallet.chain, address));
  if (place?.wallet !== wallet.id || place.branch === undefined || place.index === undefined) return undefined;
  return { branch: place.branch, index: place.index };
}

async function signSafe(wallet: SafeWallet, payload: Payload, keys: readonly WalletKey[]): Promise<Outcome> {
  if (payload.kind !== 'safe-tx' || !isEthereumChain(payload.chain))
    throw new Error('decided on as a Safe transaction');
  const digest = Buffer.from(safeTxHash(payload.chain, wallet.address, payload.tx).slice(2), 'hex');
  const signatures = [];
  for (const { publicKey, sign } of keys) {
    const owner = ownerAddress(publicKey);
    signatures.push({ owner, signature: orThrow(recoverableSignature(digest, await sign(digest), owner)) });
  }
  return { kind: 'ethereum', to: wallet.address, data: encodeExecTransaction(payload.tx, signatures) };
}
