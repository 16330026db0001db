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
import { signByTokens, type Say, type SignedByToken, type TokenPlace } from './tokens.js';

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
  say: Say,
): Promise<Outcome> {
  const decision = orThrow(decideTransfer(state, request, new Date().toISOString(), NO_HISTORY));
  const { wallet, payload } = decision;
  // as signers do: a key that is suspended, retired or on its way out signs nothing, whoever has its token
  const active = places.filter(({ signer }) => isKeyActive(state, wallet, signer));
  if (wallet.kind === 'taproot-mpc') return signByShares(state.firm, wallet, payload, active, say);
  if (wallet.kind !== 'bitcoin-multisig' && wallet.kind !== 'safe') {
    throw new Failure(`Wallets of kind ${wallet.kind} are not recovered by this command.`);
  }
  return wallet.kind === 'safe'
    ? signSafe(wallet, payload, (digests) => signed(wallet, active, digests, say))
    : signBitcoin(state, wallet, payload, (digests) => signed(wallet, active, digests, say));
}

/** Has tokens sign digests. */
type Signing = (digests: readonly Uint8Array[]) => Promise<readonly SignedByToken[]>;

/** @throws Failure when fewer tokens than the wallet's threshold have signed */
async function signed(
  wallet: BitcoinWallet | SafeWallet,
  places: readonly TokenPlace[],
  digests: readonly Uint8Array[],
  say: Say,
): Promise<readonly SignedByToken[]> {
  const tokens = await signByTokens(wallet, places, digests, say);
  if (tokens.length < wallet.threshold)
    throw new Failure(`${tokens.length} tokens can sign for ${wallet.id}, and ${wallet.threshold} are needed.`);
  say(`signed by ${tokens.map(({ signer }) => signer).join(', ')}`);
  return tokens;
}

async function signBitcoin(
  state: CharterState,
  wallet: BitcoinWallet,
  payload: Payload,
  sign: Signing,
): Promise<Outcome> {
  if (payload.kind !== 'psbt') throw new Error('decided on as a PSBT');
  const spec = bitcoinSpec(wallet);
  const digests = orThrow(signingDigests(payload.psbt, spec, (script) => ownPlace(state, wallet, script)));
  const tokens = await sign(digests.map(({ digest }) => digest));
  const inputs: InputSignature[] = tokens.flatMap(({ publicKey, signatures }) =>
    digests.flatMap(({ inputIndex }, place) => {
      const signature = signatures[place];
      return signature ? [{ inputIndex, publicKey, signature }] : [];
    }),
  );
  const { rawTransaction, txid } = orThrow(finalisePsbt(payload.psbt, spec, inputs));
  return { kind: 'bitcoin', rawTransaction, txid };
}

function ownPlace(state: CharterState, wallet: BitcoinWallet, scriptPubKey: string) {
  if (!isBitcoinChain(wallet.chain)) return undefined;
  const address = addressOfScript(Buffer.from(scriptPubKey, 'hex'), wallet.chain);
  const place = address === undefined ? undefined : state.addresses.get(addressKey(wallet.chain, address));
  if (place?.wallet !== wallet.id || place.branch === undefined || place.index === undefined) return undefined;
  return { branch: place.branch, index: place.index };
}

async function signSafe(wallet: SafeWallet, payload: Payload, sign: Signing): Promise<Outcome> {
  if (payload.kind !== 'safe-tx' || !isEthereumChain(payload.chain))
    throw new Error('decided on as a Safe transaction');
  const digest = Buffer.from(safeTxHash(payload.chain, wallet.address, payload.tx).slice(2), 'hex');
  const signatures = (await sign([digest])).flatMap(({ publicKey, signatures: own }) => {
    const owner = ownerAddress(publicKey);
    return own.map((signature) => ({ owner, signature: orThrow(recoverableSignature(digest, signature, owner)) }));
  });
  return { kind: 'ethereum', to: wallet.address, data: encodeExecTransaction(payload.tx, signatures) };
}
