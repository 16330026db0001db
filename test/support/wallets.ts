import { createHash } from 'node:crypto';
import { safeSpec, type BitcoinWallet, type GasPayer, type SafeWallet } from '@bulkhead/charter';
import { ownerAddress, predictSafeAddress } from '@bulkhead/ethereum';
import { erc20Asset, REGTEST } from '@bulkhead/intent';
import { CANONICAL } from '../../libs/ethereum/test/canonical-contracts.js';
import * as ecc from 'tiny-secp256k1';
import { ANVIL, CharterBuilder } from './charter-builder.js';

const SIGNERS = ['signer-a', 'signer-b', 'signer-c'] as const;
export const SIGNER_RECORDS = SIGNERS.map((id, place) => ({
  id,
  tlsFingerprint: createHash('sha256').update(id).digest('hex'),
  tokenSerial: `a${String(place)}`,
}));

/** A secp256k1 quorum key of a signer, the same in each run: what a token would hold. */
export function quorumKey(signer: string, label: string) {
  const privateKey = createHash('sha256').update(`${signer}/${label}`).digest();
  const publicKey = Buffer.from(ecc.pointFromScalar(privateKey, true)!).toString('hex');
  return { signer, publicKey, privateKey };
}

/** The quorum keys of a wallet with their private keys, in the order in which the wallet names them. */
export const quorumKeysOf = (walletId: string) => SIGNERS.map((signer) => quorumKey(signer, walletId));
const publicKeysOf = (walletId: string) =>
  quorumKeysOf(walletId).map(({ signer, publicKey }) => ({ signer, publicKey }));

/** Such keys for whoever opens a firm's wallets. */
export const threeKeys = (walletId: string) => Promise.resolve(publicKeysOf(walletId));

/** A 2-of-3 wallet on regtest without recovery. */
export const bitcoinWallet = (id: string, owner: string, changes: Partial<BitcoinWallet> = {}): BitcoinWallet => ({
  kind: 'bitcoin-multisig',
  id,
  owner,
  chain: REGTEST,
  threshold: 2,
  keys: publicKeysOf(id),
  recovery: { kind: 'none' },
  recoveryDelayBlocks: 4320,
  addressWindow: 3,
  ...changes,
});

/** A 2-of-3 Safe at the address that follows from its keys. */
export function safeWallet(id: string, owner: string, changes: Partial<SafeWallet> = {}): SafeWallet {
  const wallet: SafeWallet = {
    kind: 'safe',
    id,
    owner,
    chain: ANVIL,
    threshold: 2,
    keys: publicKeysOf(id),
    saltNonce: '0',
    address: '',
    ...changes,
  };
  return { ...wallet, address: changes.address ?? predictSafeAddress(safeSpec(wallet), CANONICAL) };
}

export function gasPayer(id: string, owner: string, changes: Partial<GasPayer> = {}): GasPayer {
  const { signer, publicKey } = quorumKey('signer-a', id);
  return {
    kind: 'gas-payer',
    id,
    owner,
    chain: ANVIL,
    keys: [{ signer, publicKey }],
    address: ownerAddress(publicKey),
    ...changes,
  };
}

/** The test token of the usual firm. */
export const TOKEN = erc20Asset(ANVIL, '0x5fbdb2315678afecb367f032d93f642f64180aa3');
/** Addresses that are nobody's here; all sound on their networks. */
export const OUTSIDE = {
  /** P2WPKH of BIP-173's example key, on regtest. */
  bitcoin: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
  /** Examples of EIP-55. */
  ethereum: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
  otherEthereum: '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
} as const;

/** They begin and end like the addresses of {@link OUTSIDE}. The first took 0.4 seconds to find. */
export const LOOK_ALIKE = {
  bitcoin: 'bcrt1qw508d6qejxtdgqqyv3aarvary0c5xw7ku2t080',
  ethereum: '0x5aAE00FF00ff00ff00Ff00ff00ff00Ff00fFeAED',
} as const;

/** The house and clients alpha and beta, each with a Bitcoin wallet and a Safe; bitcoin, ether and a token listed. */
export function usualFirm(builder = CharterBuilder.start(SIGNER_RECORDS)): CharterBuilder {
  builder.append({ kind: 'asset.list', asset: { id: `${REGTEST}/slip44:0`, symbol: 'BTC', decimals: 8 } });
  builder.append({ kind: 'asset.list', asset: { id: `${ANVIL}/slip44:60`, symbol: 'ETH', decimals: 18 } });
  builder.append({ kind: 'asset.list', asset: { id: TOKEN, symbol: 'TST', decimals: 6 } });
  builder.append({ kind: 'house.open', owner: { id: 'house', name: 'The House' } });
  builder.append({ kind: 'client.open', owner: { id: 'alpha', name: 'Alpha' } });
  builder.append({ kind: 'client.open', owner: { id: 'beta', name: 'Beta' } });
  builder.append({ kind: 'wallet.open', wallet: gasPayer('house-gas', 'house') });
  for (const owner of ['house', 'alpha', 'beta']) {
    builder.append({ kind: 'wallet.open', wallet: bitcoinWallet(`${owner}-btc`, owner) });
    builder.append({ kind: 'wallet.open', wallet: safeWallet(`${owner}-safe`, owner) });
  }
  return builder;
}

/** Address `index` on a branch of a Bitcoin wallet, as the charter indexes it. */
export function addressAt(builder: CharterBuilder, wallet: string, branch: 0 | 1, index = 0): string {
  const found = builder.state.addresses.findKey(
    (managed) => managed.wallet === wallet && managed.branch === branch && managed.index === index,
  );
  if (!found) throw new Error(`no address ${branch}/${index} of ${wallet}`);
  return found.slice(REGTEST.length + 1);
}

export function safeAddress(builder: CharterBuilder, wallet: string): string {
  const found = builder.state.wallets.get(wallet);
  if (found?.kind !== 'safe') throw new Error(`no Safe ${wallet}`);
  return found.address;
}
