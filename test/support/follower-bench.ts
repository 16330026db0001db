import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { applyEntry, type Act, type CharterEntry, type CharterState } from '@bulkhead/charter';
import { isBitcoinChain, orThrow, REGTEST, type AssetId, type ChainId, type Purpose } from '@bulkhead/intent';
import { DataSource } from 'typeorm';
import { startStack, type Stack, type StackPiece } from '../../apps/cli/src/stack/index.js';
import { BitcoinClient } from '../../apps/orchestrator/src/chains/bitcoin-client.js';
import { chainsConfigSchema } from '../../apps/orchestrator/src/chains/config.js';
import { NodeBalances } from '../../apps/orchestrator/src/chains/core/node-balances.js';
import { EthereumClient } from '../../apps/orchestrator/src/chains/ethereum-client.js';
import { SafeGateway } from '../../apps/orchestrator/src/chains/safe-gateway.js';
import { BlockRow } from '../../apps/orchestrator/src/chains/persistence/entities.js';
import type { CharterService } from '../../apps/orchestrator/src/charter/core/charter.service.js';
import { MIGRATIONS } from '../../apps/orchestrator/src/database/database-options.js';
import { BitcoinReader } from '../../apps/orchestrator/src/deposits/core/bitcoin-reader.js';
import { BlockListeners } from '../../apps/orchestrator/src/deposits/core/block-listeners.js';
import { DepositsService } from '../../apps/orchestrator/src/deposits/core/deposits.service.js';
import { EthereumReader } from '../../apps/orchestrator/src/deposits/core/ethereum-reader.js';
import { Follower, type Step } from '../../apps/orchestrator/src/deposits/core/follower.js';
import { RegisterWriter } from '../../apps/orchestrator/src/deposits/core/register-writer.js';
import {
  ChainTransactionRow,
  CoinRow,
  DepositRow,
  SafeExecutionRow,
} from '../../apps/orchestrator/src/deposits/persistence/entities.js';
import { IncidentsService } from '../../apps/orchestrator/src/incidents/core/incidents.service.js';
import { IncidentRow } from '../../apps/orchestrator/src/incidents/persistence/entities.js';
import type { JobsService } from '../../apps/orchestrator/src/jobs/jobs.service.js';
import { LedgerService } from '../../apps/orchestrator/src/ledger/core/ledger.service.js';
import { WalletFreezer } from '../../apps/orchestrator/src/ledger/core/wallet-freezer.js';
import {
  JournalEntryRow,
  PostingRow,
  ReconciliationRow,
  WalletFreezeRow,
} from '../../apps/orchestrator/src/ledger/persistence/entities.js';
import { RegistryProjection } from '../../apps/orchestrator/src/wallets/core/registry.projection.js';
import { ManagedAddressRow, OwnerRow, WalletRow } from '../../apps/orchestrator/src/wallets/persistence/entities.js';
import { newOwnerKey, type OwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import { ANVIL, CharterBuilder } from './charter-builder.js';
import { openFirm, type CustodyFirm } from './custody-firm.js';
import { preparedParts } from './prepared-state.js';

/** Confirmations that deposits need here. */
export const CONFIRMATIONS = 3;

/** Where a wallet's position stands, in the asset's smallest unit. */
export interface Held {
  readonly total: bigint;
  readonly pending: bigint;
  readonly suspense: bigint;
  readonly available: bigint;
}

/** A firm of a house and two clients, its books on a real PostgreSQL server, and a follower on one real node. */
export class FollowerBench {
  readonly listeners = new BlockListeners();
  readonly ledger: LedgerService;
  readonly deposits: DepositsService;
  readonly incidents: IncidentsService;

  private constructor(
    readonly chain: ChainId,
    readonly stack: Stack,
    readonly database: DataSource,
    readonly charter: CharterBuilder,
    readonly firm: CustodyFirm,
    /** The first two quorum keys of each wallet. */
    readonly keys: ReadonlyMap<string, readonly OwnerKey[]>,
    private readonly folder: string,
  ) {
    this.ledger = new LedgerService(database);
    this.deposits = new DepositsService(database);
    this.incidents = new IncidentsService(database);
  }

  static async start(node: 'bitcoind' | 'anvil'): Promise<FollowerBench> {
    const folder = await preparedParts('follower');
    const pieces: StackPiece[] = ['postgres', node];
    const stack = await startStack({ root: folder, only: pieces });
    const database = await openDatabase(stack.postgres.databaseUrl('orchestrator'));
    const signers = ['a', 'b', 'c'].map((name) => ({
      id: `signer-${name}`,
      tlsFingerprint: name.repeat(64),
      tokenSerial: name,
    }));
    const charter = CharterBuilder.start(signers);
    const keys = new Map<string, readonly OwnerKey[]>();
    const firm = await openFirm(charter, (wallet) => {
      const made = [newOwnerKey(), newOwnerKey()];
      keys.set(wallet, made);
      return Promise.resolve(
        made.map(({ publicKey }, i) => ({ signer: i === 0 ? 'signer-a' : 'signer-b', publicKey })),
      );
    });
    const chain = node === 'bitcoind' ? REGTEST : ANVIL;
    const bench = new FollowerBench(chain, stack, database, charter, firm, keys, folder);
    let state: CharterState | undefined;
    for (const entry of charter.entries) state = await bench.project(entry, state);
    await bench.follow();
    return bench;
  }

  /** Enacts an act and writes its registry rows. */
  async enact(act: Act): Promise<void> {
    const before = this.charter.state;
    await this.project(this.charter.append(act), before);
  }

  private async project(entry: CharterEntry, before: CharterState | undefined): Promise<CharterState> {
    const after = orThrow(applyEntry(before, entry));
    const jobs = { enqueue: () => Promise.resolve() } as unknown as JobsService;
    await this.database.transaction((manager) => new RegistryProjection(jobs).project(manager, entry, before, after));
    return after;
  }

  private get config() {
    const common = { confirmations: CONFIRMATIONS, pollMs: 50, timeoutMs: 5_000 };
    const onBitcoin = isBitcoinChain(this.chain);
    return chainsConfigSchema.parse({
      bitcoin: {
        ...common,
        chain: REGTEST,
        url: onBitcoin ? this.stack.bitcoind.url : 'http://127.0.0.1:1',
        cookieFile: onBitcoin ? this.stack.bitcoind.credentialsFile : '/nowhere',
      },
      ethereum: { ...common, chain: ANVIL, url: onBitcoin ? 'http://127.0.0.1:1' : this.stack.anvil.url },
    });
  }

  get bitcoin(): BitcoinClient {
    return new BitcoinClient(this.config.bitcoin);
  }

  get ethereum(): EthereumClient {
    return new EthereumClient(this.config.ethereum);
  }

  /** A follower as a process that has just started has it. */
  follower(chain = this.chain): Pick<Follower<unknown>, 'begun' | 'step'> {
    const writer = new RegisterWriter(this.ledger, new WalletFreezer(), this.incidents);
    if (isBitcoinChain(chain)) {
      return new Follower(this.database, new BitcoinReader(this.bitcoin, CONFIRMATIONS), writer, this.listeners);
    }
    const safes = new SafeGateway(this.ethereum);
    const view = { state: () => Promise.resolve(this.charter.state) };
    const reader = new EthereumReader(this.ethereum, safes, view, CONFIRMATIONS);
    return new Follower(this.database, reader, writer, this.listeners);
  }

  /** Steps until there is nothing new. */
  async follow(follower = this.follower()): Promise<Step> {
    for (;;) {
      const step = await follower.step();
      if (step !== 'MOVED') return step;
    }
  }

  /** What the register says of one wallet. */
  async held(wallet: string, asset: AssetId): Promise<Held> {
    const [position] = await this.ledger.positions({ wallet, asset });
    const { walletTotal = 0n, pending = 0n, suspense = 0n, available = 0n } = position ?? {};
    return { total: walletTotal, pending, suspense, available };
  }

  /** What the node says of every wallet, against what the register says: lines that differ. */
  async differences(): Promise<string[]> {
    const charter = { required: () => Promise.resolve(this.charter.state) } as unknown as CharterService;
    const balances = new NodeBalances(this.bitcoin, this.ethereum, charter);
    const checkpoint = await balances.checkpoint(this.database.manager, this.chain);
    if (!checkpoint) throw new Error('nothing is followed');
    const wallets = [...this.charter.state.wallets.values()].filter(({ chain }) => chain === this.chain);
    const lines = await balances.balancesAt(
      checkpoint,
      wallets.map(({ id }) => id),
    );
    if (lines === 'MOVED') throw new Error('the chain moved');
    const differences: string[] = [];
    for (const { wallet, asset, amount } of lines) {
      const { total } = await this.held(wallet, asset);
      if (total !== amount) differences.push(`${wallet} ${asset}: register ${total}, chain ${amount}`);
    }
    return differences;
  }

  /** A transfer that was signed, as the transfers feature stores it. */
  async knowTransfer(transfer: {
    wallet: string;
    asset: AssetId;
    amount: bigint;
    payee: string;
    purpose?: Purpose;
    txId?: string;
    safeTxHash?: string;
  }): Promise<void> {
    const owner = this.charter.state.wallets.get(transfer.wallet)?.owner;
    await this.database.query(
      `insert into transfer (id, intent_digest, intent, proposal, owner, wallet, chain, asset, amount, payee, purpose,
         state, tx_id, safe_tx_hash)
       values ($1, $2, '{}', '{}', $3, $4, $5, $6, $7, $8, $9, 'SIGNED', $10, $11)`,
      [
        randomUUID(),
        randomUUID().replaceAll('-', '').repeat(2),
        owner,
        transfer.wallet,
        this.chain,
        transfer.asset,
        transfer.amount.toString(),
        transfer.payee,
        transfer.purpose ?? 'PAYMENT',
        transfer.txId ?? null,
        transfer.safeTxHash ?? null,
      ],
    );
  }

  async stop(): Promise<void> {
    await this.database.destroy();
    await this.stack.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function openDatabase(url: string): Promise<DataSource> {
  const database = new DataSource({
    type: 'postgres',
    url,
    entities: [
      ...[BlockRow, ChainTransactionRow, SafeExecutionRow, CoinRow, DepositRow, IncidentRow],
      ...[JournalEntryRow, PostingRow, WalletFreezeRow, ReconciliationRow],
      ...[OwnerRow, WalletRow, ManagedAddressRow],
    ],
    migrations: MIGRATIONS,
    installExtensions: false,
  });
  await database.initialize();
  await database.runMigrations();
  return database;
}
