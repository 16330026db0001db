import { taprootDescriptor, walletDescriptor } from '@bulkhead/bitcoin';
import { bitcoinSpec, taprootSpec, type CharterState, type Wallet } from '@bulkhead/charter';
import { amountSchema, chainIdSchema, slugSchema } from '@bulkhead/intent';
import { ESTATES } from '@bulkhead/segregation';
import { z } from 'zod';
import type { ManagedAddressRow } from '../persistence/entities.js';

export const ownerViewSchema = z.strictObject({ id: slugSchema, name: z.string(), estate: z.enum(ESTATES) });

export const walletViewSchema = z.strictObject({
  id: slugSchema,
  owner: slugSchema,
  estate: z.enum(ESTATES),
  chain: chainIdSchema,
  kind: z.enum(['bitcoin-multisig', 'safe', 'gas-payer', 'taproot-mpc']),
  threshold: z.int(),
  keys: z.array(z.strictObject({ signer: slugSchema, publicKey: z.string() })),
  /**
   * The one address of an account or an MPC wallet, once control of it is proven: null until then. Null for a Bitcoin
   * wallet, that issues a fresh one for each deposit.
   */
  address: z.string().nullable(),
  /** BIP-380 descriptor with checksum; null for accounts, and for an MPC wallet until control is proven. */
  descriptor: z.string().nullable(),
});
export type WalletView = z.infer<typeof walletViewSchema>;

export const addressViewSchema = z.strictObject({
  wallet: slugSchema,
  chain: chainIdSchema,
  address: z.string(),
  branch: z.enum(['receive', 'change']).nullable(),
  index: z.int().nullable(),
});
export type AddressView = z.infer<typeof addressViewSchema>;

export const assetViewSchema = z.strictObject({ id: amountSchema, symbol: z.string(), decimals: z.int() });

/** `isIssued`: whether the wallet has issued an address. */
export function walletView(state: CharterState, wallet: Wallet, isIssued: boolean): WalletView {
  const { id, owner, chain, kind, keys } = wallet;
  return {
    id,
    owner,
    estate: state.owners.get(owner)?.estate ?? 'SUSPENSE',
    chain,
    kind,
    threshold: wallet.kind === 'gas-payer' ? 1 : wallet.threshold,
    keys,
    address: wallet.kind === 'bitcoin-multisig' || !isIssued ? null : wallet.address,
    descriptor: wallet.kind === 'taproot-mpc' && !isIssued ? null : descriptorOf(wallet),
  };
}

function descriptorOf(wallet: Wallet): string | null {
  if (wallet.kind === 'bitcoin-multisig') return walletDescriptor(bitcoinSpec(wallet));
  return wallet.kind === 'taproot-mpc' ? taprootDescriptor(taprootSpec(wallet)) : null;
}

const BRANCHES = ['receive', 'change'] as const;

export const addressView = (row: ManagedAddressRow): AddressView => ({
  wallet: row.wallet ?? '',
  chain: row.chain as AddressView['chain'],
  address: row.address,
  branch: row.branch === null ? null : BRANCHES[row.branch],
  index: row.idx,
});
