import { Injectable } from '@nestjs/common';
import { buildPsbt, type WalletCoin } from '@bulkhead/bitcoin';
import {
  bitcoinSpec,
  ownerSets,
  permittedSwap,
  safeContractsOf,
  taprootSpec,
  type BitcoinWallet,
  type CharterState,
  type MpcWallet,
  type SafeWallet,
} from '@bulkhead/charter';
import { buildOwnerSwap, buildSafeTransfer } from '@bulkhead/ethereum';
import { isEthereumChain, orThrow, OWNER_SWAP, refused, RefusalError, type Payload } from '@bulkhead/intent';
import type { CheckedIntent, TransferDecision } from '@bulkhead/policy';
import { ManagedAddressRow } from '../../wallets/persistence/entities.js';
import { AddressesService, CHANGE } from '../../wallets/core/addresses.service.js';
import { BitcoinClient } from '../../chains/bitcoin-client.js';
import { SafeGateway } from '../../chains/safe-gateway.js';
import { LedgerService } from '../../ledger/core/ledger.service.js';
import type { EntityManager } from 'typeorm';

/** Blocks within which a payout should confirm, for the fee estimate. */
const FEE_TARGET_BLOCKS = 3;

interface CoinRow {
  txid: string;
  vout: number;
  amount: string;
  branch: 0 | 1;
  idx: number;
  raw_transaction: string;
}

/** Makes the exact bytes of a transfer, under the wallet's lock, so that no two transfers choose the same coin or nonce. */
@Injectable()
export class PayloadBuilder {
  constructor(
    private readonly bitcoin: BitcoinClient,
    private readonly safes: SafeGateway,
    private readonly addresses: AddressesService,
    private readonly ledger: LedgerService,
  ) {}

  /** Builds the bytes of a checked intent. Throws a RefusalError when the wallet cannot pay it now. */
  async build(manager: EntityManager, state: CharterState, checked: CheckedIntent): Promise<Payload> {
    await this.lock(manager, checked.wallet.id);
    switch (checked.wallet.kind) {
      case 'bitcoin-multisig':
        return this.buildBitcoin(manager, state, checked.wallet, checked);
      case 'taproot-mpc':
        return this.buildTaproot(manager, state, checked.wallet, checked);
      case 'safe':
        return this.buildSafe(manager, state, checked.wallet, checked);
      case 'gas-payer':
        throw payingGasOnly();
    }
  }

  /**
   * Takes bytes that a caller has built: their coins must be ones that we would choose from too, and a Safe must be
   * free at the nonce they name. What they pay is decided afterwards, from the bytes, as for our own.
   */
  async adopt(manager: EntityManager, state: CharterState, decision: TransferDecision): Promise<void> {
    const { wallet, payload, verdict } = decision;
    await this.lock(manager, wallet.id);
    if (wallet.kind === 'safe' && payload.kind === 'safe-tx') {
      const safe = orThrow(await this.safes.checkState(wallet, safeContractsOf(state), ownerSets(state, wallet)));
      if (safe.nonce.toString() !== payload.tx.nonce) {
        throw new RefusalError(
          refused('ethereum.safe-state', 'The Safe is at another nonce.', { nonce: safe.nonce.toString() }).refusal,
        );
      }
      await this.requireFunds(manager, wallet, decision);
      await this.claimSafe(manager, wallet.id, decision.intent.id);
    } else {
      const spendable: { resource: string }[] = await manager.query(
        `select c.chain || '/coin:' || c.txid || ':' || c.vout as resource from coin c
         where c.wallet = $1 and c.status = 'AVAILABLE' and c.spent_by is null`,
        [wallet.id],
      );
      const known = new Set(spendable.map(({ resource }) => resource));
      const unknown = verdict.resources.find((resource) => !known.has(resource));
      if (unknown) {
        throw new RefusalError(
          refused('segregation.unknown-input', 'A coin is not one that this wallet can spend now.', { coin: unknown })
            .refusal,
        );
      }
    }
  }

  private async lock(manager: EntityManager, wallet: string): Promise<void> {
    await manager.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`wallet:${wallet}`]);
    await this.refuseFrozen(manager, wallet);
  }

  private async refuseFrozen(manager: EntityManager, wallet: string): Promise<void> {
    const rows: { reason: string }[] = await manager.query('select reason from wallet_freeze where wallet = $1', [
      wallet,
    ]);
    if (rows[0]) {
      throw new RefusalError(
        refused('segregation.wallet-frozen', 'The wallet is frozen until its incident is closed.', {
          wallet,
          reason: rows[0].reason,
        }).refusal,
      );
    }
  }

  private async buildBitcoin(
    manager: EntityManager,
    state: CharterState,
    wallet: BitcoinWallet,
    checked: CheckedIntent,
  ): Promise<Payload> {
    const coins = await this.spendableCoins(manager, state, wallet.id);
    const change = await this.nextChange(manager, wallet);
    const feeRateSatVb = BigInt(await this.bitcoin.feeRateSatVb(FEE_TARGET_BLOCKS));
    const built = orThrow(
      buildPsbt({
        spec: bitcoinSpec(wallet),
        coins,
        payments: [{ address: checked.payee, amountSat: checked.amount }],
        change,
        feeRateSatVb,
        maxFeeSat: checked.maxFee,
      }),
    );
    if (built.facts.outputs.length > 1) await this.addresses.issueChange(wallet.id, manager);
    return { kind: 'psbt', chain: wallet.chain, psbt: built.psbt };
  }

  /** Its one address takes the change too. */
  private async buildTaproot(
    manager: EntityManager,
    state: CharterState,
    wallet: MpcWallet,
    checked: CheckedIntent,
  ): Promise<Payload> {
    const built = orThrow(
      buildPsbt({
        spec: taprootSpec(wallet),
        coins: await this.spendableCoins(manager, state, wallet.id),
        payments: [{ address: checked.payee, amountSat: checked.amount }],
        change: { branch: CHANGE, index: 0 },
        feeRateSatVb: BigInt(await this.bitcoin.feeRateSatVb(FEE_TARGET_BLOCKS)),
        maxFeeSat: checked.maxFee,
      }),
    );
    return { kind: 'psbt', chain: wallet.chain, psbt: built.psbt };
  }

  /** Confirmed coins of the wallet that are neither quarantined, frozen, spent, nor held by another transfer. */
  private async spendableCoins(manager: EntityManager, state: CharterState, wallet: string): Promise<WalletCoin[]> {
    const rows: CoinRow[] = await manager.query(
      `select c.txid, c.vout, c.amount, c.branch, c.idx, c.raw_transaction from coin c
       where c.wallet = $1 and c.status = 'AVAILABLE' and c.spent_by is null
         and not exists (select 1 from reservation r where r.resource = c.chain || '/coin:' || c.txid || ':' || c.vout)
         and 'coin:' || c.chain || '/coin:' || c.txid || ':' || c.vout <> all($2)
       order by c.amount desc, c.txid, c.vout limit 200`,
      [wallet, [...state.frozen.keys()]],
    );
    return rows.map(({ txid, vout, amount, branch, idx, raw_transaction: previousTransaction }) => ({
      txid,
      vout,
      amountSat: BigInt(amount),
      branch,
      index: idx,
      previousTransaction,
    }));
  }

  /** The change address that {@link AddressesService.issueChange} would give next; issued only when it is used. */
  private async nextChange(manager: EntityManager, wallet: BitcoinWallet): Promise<{ branch: 1; index: number }> {
    const next = await manager
      .createQueryBuilder(ManagedAddressRow, 'address')
      .where('address.wallet = :wallet and address.branch = 1 and address.issuedAt is null', { wallet: wallet.id })
      .orderBy('address.idx')
      .limit(1)
      .getOne();
    if (next?.idx == null) {
      throw new RefusalError(
        refused('wallet.addresses-exhausted', 'The wallet has no change address left; open another wallet.', {
          wallet: wallet.id,
        }).refusal,
      );
    }
    return { branch: 1, index: next.idx };
  }

  private async buildSafe(
    manager: EntityManager,
    state: CharterState,
    wallet: SafeWallet,
    checked: CheckedIntent,
  ): Promise<Payload> {
    const { chain } = wallet;
    if (!isEthereumChain(chain)) throw new Error('a Safe on a chain that is not EVM');
    const contracts = safeContractsOf(state);
    const safe = orThrow(await this.safes.checkState(wallet, contracts, ownerSets(state, wallet)));
    if (!safe.deployed) {
      throw new RefusalError(
        refused('ethereum.safe-state', 'The Safe is not deployed yet; try again shortly.', { wallet: wallet.id })
          .refusal,
      );
    }
    await this.requireFunds(manager, wallet, checked);
    await this.claimSafe(manager, wallet.id, checked.intent.id);
    const { asset, purpose } = checked.intent;
    if (purpose === OWNER_SWAP && safe.swapped) {
      throw new RefusalError(
        refused('ethereum.safe-state', 'The Safe has swapped this owner already: record that in the charter.', {
          wallet: wallet.id,
        }).refusal,
      );
    }
    const tx =
      purpose === OWNER_SWAP
        ? buildOwnerSwap(wallet.address, orThrow(permittedSwap(state, wallet)), safe.nonce)
        : buildSafeTransfer({ asset, to: checked.payee, amount: checked.amount, nonce: safe.nonce });
    orThrow(await this.safes.checkedTransactionHash(chain, wallet, contracts, tx));
    return { kind: 'safe-tx', chain, safe: wallet.address, tx };
  }

  /** Credited funds only: what is pending or quarantined is not the owner's to spend yet. */
  private async requireFunds(manager: EntityManager, wallet: SafeWallet, checked: CheckedIntent): Promise<void> {
    const { asset } = checked.intent;
    const [position] = await this.ledger.positions({ wallet: wallet.id, asset }, manager);
    const available = position?.available ?? 0n;
    if (available < checked.amount) {
      throw new RefusalError(
        refused('amount.insufficient-funds', 'The wallet does not have this much available.', {
          needed: checked.amount.toString(),
          available: available.toString(),
        }).refusal,
      );
    }
  }

  private async claimSafe(manager: EntityManager, wallet: string, transfer: string): Promise<void> {
    const claimed: unknown[] = await manager.query(
      'insert into busy_safe (wallet, transfer) values ($1, $2) on conflict do nothing returning 1',
      [wallet, transfer],
    );
    if (claimed.length === 0) {
      throw new RefusalError(
        refused(
          'segregation.coin-committed',
          'Another transfer of this Safe is under way; a Safe executes one at a time.',
          {
            wallet,
          },
        ).refusal,
      );
    }
  }
}

const payingGasOnly = (): RefusalError =>
  new RefusalError(refused('charter.unknown-wallet', 'A gas payer pays gas and nothing else.').refusal);
