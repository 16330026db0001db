import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REGTEST } from '@bulkhead/intent';
import pg from 'pg';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { startBulkhead } from '../../apps/cli/src/bulkhead.js';
import { ALPHA, ETHEREUM, HOUSE, type Cast } from '../../apps/cli/src/story/cast.js';
import { castOf } from '../../apps/cli/src/story/story.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import {
  satoshi,
  tailOf,
  PART_NAMES,
  startStack,
  type AppName,
  type PartName,
  type Stack,
} from '../../apps/cli/src/stack/index.js';
import { Bulkhead } from './bulkhead.js';

export const COIN_SAT = 10_000_000n;
const COINS = 24;
const SAFE_WEI = 10n ** 20n;
/** Somebody else's account: it holds nothing but what we pay. */
const ETHEREUM_PAYEE = '0x1000000000000000000000000000000000000001';
/** Faults are waited out quickly here: a signer or node that is stopped counts as silent after this long. */
const PATIENCE_MS = 1_500;

/** On a machine that is busy, and with a process that dies again and again. */
const PATIENT_MS = 100_000;

/** What both chains say of the payees and the Safe: the outside view that no fault of ours may change. */
export interface PaidOut {
  /** Every payment that the Bitcoin payee ever got, in satoshi. */
  readonly bitcoin: readonly bigint[];
  readonly wei: bigint;
  readonly safeNonce: bigint;
}

export interface Pair {
  readonly btc: TransferView;
  readonly eth: TransferView;
}

/**
 * One firm with one client on a whole stack of real processes, funded on both chains. Nothing mines by itself, so that
 * a test can hold a transfer in each of its states.
 */
export class ChaosFirm {
  #count = 0n;

  private constructor(
    readonly stack: Stack,
    readonly cast: Cast,
    private readonly bitcoinPayee: string,
    readonly safe: string,
    private readonly deaths: string[],
  ) {}

  static async open(): Promise<ChaosFirm> {
    const deaths: string[] = [];
    const stack = await startStack({
      root: await Bulkhead.preparedRoot(),
      onPartDied: (report) => deaths.push(report),
    });
    try {
      return await ChaosFirm.openOn(stack, deaths);
    } catch (error) {
      const log = tailOf(stack.layout.logFile('orchestrator'));
      await stack.stop();
      throw new Error(`the firm could not be opened; the orchestrator's log ends:\n${log}`, { cause: error });
    }
  }

  private static async openOn(stack: Stack, deaths: string[]): Promise<ChaosFirm> {
    await startBulkhead(stack);
    const cast = castOf(stack);
    await cast.enact({ kind: 'house.open', owner: { id: HOUSE, name: 'The house' } });
    await cast.enact({ kind: 'asset.list', asset: { id: cast.btc, symbol: 'BTC', decimals: 8 } });
    await cast.enact({ kind: 'asset.list', asset: { id: cast.eth, symbol: 'ETH', decimals: 18 } });
    const gasPayer = await cast.openGasPayer('house-gas');
    await stack.anvil.rpc.send({ from: stack.anvil.accounts[0]!, to: gasPayer, valueWei: SAFE_WEI });
    await cast.enact({ kind: 'client.open', owner: { id: ALPHA, name: 'Alpha' } }, ALPHA);
    await cast.openBitcoinWallet(ALPHA, 'alpha-btc');
    const safe = await cast.openSafe(ALPHA, 'alpha-eth');
    await stack.bitcoind.rpc.call('createwallet', 'payee');
    const payee = await stack.bitcoind.rpc.withWallet('payee').call<string>('getnewaddress', '', 'bech32');
    await cast.approveDestination(ALPHA, REGTEST, payee, 'Alpha at its bank');
    await cast.approveDestination(ALPHA, ETHEREUM, ETHEREUM_PAYEE, 'Alpha at its broker');
    const firm = new ChaosFirm(stack, cast, payee, safe, deaths);
    await firm.fund();
    await firm.shortenPatience();
    return firm;
  }

  /** Parts that ended although nobody asked for it. */
  get unexpectedDeaths(): readonly string[] {
    return this.deaths;
  }

  /** Brings back what a test that failed has left stopped, so that the next one fails for its own reasons only. */
  async heal(): Promise<void> {
    await this.resume(...PART_NAMES);
    await this.start(...PART_NAMES.filter((name) => this.stack.parts[name]?.running === false));
    await this.stack.anvil.rpc.call('evm_setAutomine', true);
  }

  async close(): Promise<void> {
    await this.resume(...PART_NAMES);
    await this.stack.stop();
    rmSync(this.stack.root, { recursive: true, force: true });
  }

  /** Stops processes where they stand (SIGSTOP): they keep their connections and say nothing. */
  async freeze(...parts: readonly PartName[]): Promise<void> {
    await Promise.all(parts.map((name) => this.stack.part(name).kill('SIGSTOP')));
  }

  async resume(...parts: readonly PartName[]): Promise<void> {
    await Promise.all(parts.map(async (name) => this.stack.parts[name]?.kill('SIGCONT')));
  }

  async kill(...parts: readonly PartName[]): Promise<void> {
    await Promise.all(parts.map((name) => this.stack.part(name).kill('SIGKILL')));
  }

  async start(...parts: readonly PartName[]): Promise<void> {
    await Promise.all(parts.map((name) => this.stack.part(name).start()));
  }

  async query<Row>(app: AppName, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.stack.postgres.databaseUrl(app) });
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows as Row[];
    } finally {
      await client.end();
    }
  }

  /** A payment of an amount that no other has, so that it can be told from all others on the chain. */
  async intent(kind: 'btc' | 'eth'): ReturnType<Cast['client']['signIntent']> {
    this.#count += 1n;
    const { cast } = this;
    const wish =
      kind === 'btc'
        ? {
            wallet: 'alpha-btc',
            asset: cast.btc,
            to: this.bitcoinPayee,
            amount: 100_000n + this.#count,
            maxFee: 50_000n,
          }
        : { wallet: 'alpha-eth', asset: cast.eth, to: ETHEREUM_PAYEE, amount: 10n ** 15n + this.#count };
    return cast.client.signIntent(cast.olivia, { owner: ALPHA, ...wish });
  }

  async propose(kind: 'btc' | 'eth'): Promise<TransferView> {
    return this.send(await this.intent(kind));
  }

  send(signed: Awaited<ReturnType<ChaosFirm['intent']>>): Promise<TransferView> {
    return this.cast.client.api.post('/v1/transfers', this.cast.olivia.apiToken, signed);
  }

  async proposePair(): Promise<Pair> {
    const [btc, eth] = await Promise.all([this.propose('btc'), this.propose('eth')]);
    return { btc, eth };
  }

  async approve(view: TransferView): Promise<void> {
    await this.cast.client.approveTransfer(this.cast.omar, view);
    await this.cast.client.approveTransfer(this.cast.oskar, view);
  }

  async approvePair({ btc, eth }: Pair): Promise<void> {
    await Promise.all([this.approve(btc), this.approve(eth)]);
  }

  transfer(id: string): Promise<TransferView> {
    return this.cast.client.transfer(this.cast.olivia, id);
  }

  /** What is written, whether or not the orchestrator runs. */
  async written(id: string): Promise<string> {
    const [row] = await this.query<{ state: string }>('orchestrator', 'select state from transfer where id = $1', [id]);
    return row?.state ?? 'NONE';
  }

  async reach(state: string, ...views: readonly { readonly id: string }[]): Promise<void> {
    for (const { id } of views) {
      await until(
        `${state} of ${id}`,
        async () => ((await this.written(id)) === state ? true : undefined),
        PATIENT_MS,
      ).catch(async (error: unknown) => {
        const row = await this.query('orchestrator', 'select state, refusal from transfer where id = $1', [id]);
        throw new Error(`${String(error)}; it is ${JSON.stringify(row)}`);
      });
    }
  }

  async mine(blocks = 1): Promise<void> {
    await this.mineBitcoin(blocks);
    await this.mineEthereum(blocks);
  }

  async mineBitcoin(blocks = 1): Promise<void> {
    await this.stack.bitcoind.faucet.mine(blocks);
  }

  async mineEthereum(blocks = 1): Promise<void> {
    await this.stack.anvil.rpc.call('anvil_mine', `0x${blocks.toString(16)}`);
  }

  /** Lets blocks come until these transfers are settled. */
  async settle(...views: readonly { readonly id: string }[]): Promise<void> {
    await until(
      `settlement of ${views.map(({ id }) => id).join(', ')}`,
      async () => {
        const states = await Promise.all(views.map(({ id }) => this.written(id)));
        if (states.every((state) => state === 'SETTLED')) return true;
        if (states.includes('FAILED')) throw new Error(`a transfer failed: ${states.join(', ')}`);
        if (states.some((state) => ['BROADCAST', 'CONFIRMING'].includes(state))) await this.mine();
        return undefined;
      },
      PATIENT_MS,
    ).catch(async (error: unknown) => {
      const rows = await this.query('orchestrator', 'select id, state, refusal from transfer where id = any($1)', [
        views.map(({ id }) => id),
      ]);
      throw new Error(`${String(error)}; ${JSON.stringify(rows)}`);
    });
  }

  /** Both chains as anybody sees them. */
  async paidOut(): Promise<PaidOut> {
    const { bitcoind, anvil } = this.stack;
    const scan = await bitcoind.rpc.call<{ unspents: { amount: number }[] }>('scantxoutset', 'start', [
      `addr(${this.bitcoinPayee})`,
    ]);
    const nonce = await anvil.rpc.call<string>('eth_call', { to: this.safe, data: '0xaffed0e0' }, 'latest');
    return {
      bitcoin: scan.unspents.map(({ amount }) => satoshi(amount)),
      wei: BigInt(await anvil.rpc.call<string>('eth_getBalance', ETHEREUM_PAYEE, 'latest')),
      safeNonce: BigInt(nonce),
    };
  }

  /**
   * Exactly one transaction on chain for each transfer, nothing else since `before`, one standing set of ledger entries
   * for each, and a register that equals both chains.
   */
  async expectPaidOnce(before: PaidOut, ...views: readonly TransferView[]): Promise<void> {
    const after = await this.paidOut();
    const amounts = (asset: string) =>
      views.filter(({ intent }) => intent.asset === asset).map(({ intent }) => BigInt(intent.amount));
    const [btc, eth] = [amounts(this.cast.btc), amounts(this.cast.eth)];
    expect(after.bitcoin.toSorted(ascending)).toEqual([...before.bitcoin, ...btc].toSorted(ascending));
    expect(after.wei - before.wei).toBe(eth.reduce((sum, amount) => sum + amount, 0n));
    expect(after.safeNonce - before.safeNonce).toBe(BigInt(eth.length));
    for (const { id } of views) expect(await this.standingEntries(id)).toBe(1);
    await this.expectBalanced();
  }

  /** The register equals both chains, wallet by wallet. */
  async expectBalanced(): Promise<void> {
    const { lines } = await this.cast.client.api.post<{ lines: { difference: string }[] }>(
      '/v1/reconciliations',
      this.cast.olivia.apiToken,
      {},
    );
    expect(lines.filter(({ difference }) => difference !== '0')).toEqual([]);
  }

  /** Entries that book the payment and that no reorg has taken back. */
  async standingEntries(id: string): Promise<number> {
    const [row] = await this.query<{ count: number }>(
      'orchestrator',
      `select count(*)::int as count from transfer t join journal_entry e
         on e.reference like 'transfer-sent:' || t.chain || ':' || t.tx_id || ':%' and e.reverses is null
       where t.id = $1 and not exists (select 1 from journal_entry r where r.reverses = e.id)`,
      [id],
    );
    return row?.count ?? 0;
  }

  /** What `/ready` says of each part. */
  async readiness(): Promise<Record<string, string>> {
    try {
      return (await this.cast.client.api.get<{ parts: Record<string, string> }>('/ready', '')).parts;
    } catch (error) {
      if (error instanceof ApiRefusal) return error.problem.facts;
      throw error;
    }
  }

  private async fund(): Promise<void> {
    const { faucet } = this.stack.bitcoind;
    const address = await this.cast.freshAddress('alpha-btc');
    for (let coin = 0; coin < COINS; coin += 1) await faucet.pay(address, COIN_SAT);
    await this.stack.anvil.rpc.send({ from: this.stack.anvil.accounts[0]!, to: this.safe, valueWei: SAFE_WEI });
    await this.mine(2);
    const credited = [
      [this.cast.btc, COIN_SAT * BigInt(COINS)],
      [this.cast.eth, SAFE_WEI],
    ] as const;
    for (const [asset, amount] of credited) await this.available(asset, amount);
    await this.cast.untilDeployed(this.safe);
  }

  async available(asset: string, amount: bigint): Promise<void> {
    await until(`${amount.toString()} of ${asset}`, async () => {
      const path = `/v1/ledger/positions?owner=${ALPHA}&asset=${encodeURIComponent(asset)}`;
      const [position] = await this.cast.client.api.get<{ available: string }[]>(path, this.cast.olivia.apiToken);
      return position?.available === amount.toString() ? true : undefined;
    });
  }

  private async shortenPatience(): Promise<void> {
    const file = join(this.stack.layout.config, 'orchestrator.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as {
      signerTimeoutMs?: number;
      chains: Record<'bitcoin' | 'ethereum', { timeoutMs?: number }>;
    };
    config.signerTimeoutMs = PATIENCE_MS;
    config.chains.bitcoin.timeoutMs = PATIENCE_MS;
    config.chains.ethereum.timeoutMs = PATIENCE_MS;
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    await this.stack.part('orchestrator').restart();
  }
}

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b));
