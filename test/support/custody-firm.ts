import { randomUUID } from 'node:crypto';
import { deriveAddress, type BitcoinWalletSpec } from '@bulkhead/bitcoin';
import { bitcoinSpec, safeSpec, type BitcoinWallet, type GasPayer, type SafeWallet } from '@bulkhead/charter';
import { ownerAddress, predictSafeAddress } from '@bulkhead/ethereum';
import { bitcoinAsset, etherAsset, REGTEST } from '@bulkhead/intent';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import { ANVIL, type CharterBuilder } from './charter-builder.js';

export const BTC = bitcoinAsset(REGTEST);
export const ETH = etherAsset(ANVIL);

/** Gives the public keys of a new wallet: a signer's, or made up. */
export type KeySource = (wallet: string) => Promise<{ signer: string; publicKey: string }[]>;

/** Wallets 2-of-3 of a house and two clients, with one destination of alpha on each chain. */
export interface CustodyFirm {
  readonly bitcoin: Readonly<Record<'alpha' | 'beta' | 'house', BitcoinWallet>>;
  readonly safes: Readonly<Record<'alpha' | 'beta' | 'house', SafeWallet>>;
  readonly gasPayer: GasPayer;
  readonly payee: { readonly bitcoin: string; readonly ethereum: string };
}

/** Enacts owners, assets, wallets and destinations. Where `keys` gives two keys of a wallet, the third is nobody's. */
export async function openFirm(charter: CharterBuilder, keys: KeySource): Promise<CustodyFirm> {
  charter.append({ kind: 'asset.list', asset: { id: BTC, symbol: 'BTC', decimals: 8 } });
  charter.append({ kind: 'asset.list', asset: { id: ETH, symbol: 'ETH', decimals: 18 } });
  charter.append({ kind: 'house.open', owner: { id: 'house', name: 'House' } });
  for (const id of ['alpha', 'beta']) charter.append({ kind: 'client.open', owner: { id, name: id } });
  const threeKeys: KeySource = async (id) => {
    const given = await keys(id);
    return given.length > 2 ? given : [...given, { signer: 'signer-c', publicKey: newOwnerKey().publicKey }];
  };
  const bitcoin = (owner: string) => openBitcoinWallet(charter, owner, threeKeys);
  const safe = (owner: string) => openSafe(charter, owner, threeKeys);
  const wallets = { alpha: await bitcoin('alpha'), beta: await bitcoin('beta'), house: await bitcoin('house') };
  const safes = { alpha: await safe('alpha'), beta: await safe('beta'), house: await safe('house') };
  const gasPayer = await openGasPayer(charter, keys);
  const payee = { bitcoin: strangersAddress(), ethereum: newOwnerKey().address };
  const common = { kind: 'destination.approve' as const, owner: 'alpha', label: 'bank' };
  charter.append({ ...common, id: randomUUID(), chain: REGTEST, address: payee.bitcoin });
  charter.append({ ...common, id: randomUUID(), chain: ANVIL, address: payee.ethereum });
  return { bitcoin: wallets, safes, gasPayer, payee };
}

async function openBitcoinWallet(charter: CharterBuilder, owner: string, keys: KeySource): Promise<BitcoinWallet> {
  const id = `${owner}-btc`;
  const wallet: BitcoinWallet = {
    kind: 'bitcoin-multisig',
    id,
    owner,
    chain: REGTEST,
    threshold: 2,
    keys: await keys(id),
    recovery: { kind: 'none' },
    recoveryDelayBlocks: 1_000,
    addressWindow: 5,
  };
  charter.append({ kind: 'wallet.open', wallet });
  return wallet;
}

async function openSafe(charter: CharterBuilder, owner: string, keys: KeySource): Promise<SafeWallet> {
  const id = `${owner}-safe`;
  const terms = { kind: 'safe' as const, id, owner, chain: ANVIL, threshold: 2, saltNonce: '1', address: '' };
  const draft: SafeWallet = { ...terms, keys: await keys(id) };
  const wallet = { ...draft, address: predictSafeAddress(safeSpec(draft), charter.state.genesis.safeContracts) };
  charter.append({ kind: 'wallet.open', wallet });
  return wallet;
}

/** Its one key is the first that `keys` gives. */
async function openGasPayer(charter: CharterBuilder, keys: KeySource): Promise<GasPayer> {
  const id = 'gas-payer';
  const [key] = await keys(id);
  if (!key) throw new Error('a gas payer has a key');
  const address = ownerAddress(key.publicKey);
  const wallet: GasPayer = { kind: 'gas-payer', id, owner: 'house', chain: ANVIL, keys: [key], address };
  charter.append({ kind: 'wallet.open', wallet });
  return wallet;
}

/** A bech32 address of somebody whom the firm does not know. */
export function strangersAddress(): string {
  const spec: BitcoinWalletSpec = {
    chain: REGTEST,
    threshold: 1,
    quorumKeys: [newOwnerKey().publicKey],
    recovery: { kind: 'none' },
    recoveryDelayBlocks: 10,
  };
  return deriveAddress(spec, 0, 0).address;
}

/** One of a wallet's own addresses. */
export const addressOf = (wallet: BitcoinWallet, branch: 0 | 1 = 0, index = 0): string =>
  deriveAddress(bitcoinSpec(wallet), branch, index).address;
