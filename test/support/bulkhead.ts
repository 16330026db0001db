import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Head } from '@bulkhead/charter';
import type { AssetId } from '@bulkhead/intent';
import pg from 'pg';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { orchestratorUrl, startBulkhead } from '../../apps/cli/src/bulkhead.js';
import {
  SIGNER_NAMES,
  startChainClock,
  startStack,
  type ChainClock,
  type Stack,
} from '../../apps/cli/src/stack/index.js';
import type { Cast } from '../../apps/cli/src/story/cast.js';
import { positions, type Position } from '../../apps/cli/src/story/money.js';
import { Narrator } from '../../apps/cli/src/story/narrator.js';
import { setTheScene, TREASURY_WALLET, type Scene } from '../../apps/cli/src/story/scene.js';
import { castOf } from '../../apps/cli/src/story/story.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { HttpCaller } from './http-caller.js';
import { preparedState } from './prepared-state.js';

const CLOCK_MS = 200;
/** Blocks that make deposits count and transfers settle on the development chains. */
const CONFIRMATIONS = 2;

export interface BulkheadOptions {
  /** Lets time pass on both chains; without it a test mines its own blocks. */
  readonly clock?: boolean;
  /** Has the spare signer stand by. */
  readonly spare?: boolean;
  /** For tests that set the scene: they get a copy of a state where it is set. */
  readonly scene?: boolean;
}

/** All of Bulkhead on a real stack in a temporary folder, with the members of the development firm at hand. */
export class Bulkhead {
  readonly http: HttpCaller;

  private constructor(
    readonly stack: Stack,
    readonly cast: Cast,
    private readonly clock: ChainClock | undefined,
    private readonly database: pg.Pool,
  ) {
    this.http = new HttpCaller(orchestratorUrl(stack), cast.olivia.apiToken);
  }

  static async start(options: BulkheadOptions = {}): Promise<Bulkhead> {
    return Bulkhead.startOn(await Bulkhead.preparedRoot(options.scene), options);
  }

  /** A state folder of its own, on whose genesis all of Bulkhead has run once; with the scene set where that is asked. */
  static preparedRoot(scene = false): Promise<string> {
    return preparedState('e2e', scene ? 'scene' : 'firm', (state) => Bulkhead.prepare(state, scene));
  }

  /** Brings a state to where tests begin, and stops. */
  private static async prepare(root: string, scene: boolean): Promise<void> {
    const bulkhead = await Bulkhead.startOn(root, {});
    try {
      if (scene) await bulkhead.setTheScene();
    } finally {
      await bulkhead.end();
    }
  }

  private static async startOn(root: string, options: BulkheadOptions): Promise<Bulkhead> {
    let stack: Stack | undefined;
    try {
      stack = await startStack({ root });
      await startBulkhead(stack, { spare: options.spare ?? false });
    } catch (error) {
      await stack?.stop();
      console.error(`The state is kept in ${root}`);
      throw error;
    }
    const { bitcoind, anvil, postgres } = stack;
    const clock = options.clock
      ? startChainClock({ bitcoinRpc: bitcoind.rpc, ethereumUrl: anvil.url, intervalMs: CLOCK_MS })
      : undefined;
    const database = new pg.Pool({ connectionString: postgres.databaseUrl('orchestrator'), max: 2 });
    return new Bulkhead(stack, castOf(stack), clock, database);
  }

  /** Ends every process. The state goes away too, unless a test has failed: then it is kept, and named. */
  async stop(): Promise<void> {
    await this.end();
    if (Reflect.get(globalThis, 'aTestHasFailed') === true) console.error(`The state is kept in ${this.stack.root}`);
    else rmSync(this.stack.root, { recursive: true, force: true });
  }

  private async end(): Promise<void> {
    await this.clock?.stop();
    await this.database.end();
    await this.stack.stop();
  }

  /** House, clients Alpha and Beta, their wallets and destinations; the Safes are deployed. A scene that is set stays. */
  async setTheScene(): Promise<Scene> {
    const file = join(this.stack.root, 'scene.json');
    const { rpc } = this.stack.bitcoind;
    if (existsSync(file)) {
      await rpc.call('loadwallet', TREASURY_WALLET);
      const kept = JSON.parse(readFileSync(file, 'utf8')) as Omit<Scene, 'treasury'>;
      return { ...kept, treasury: rpc.withWallet(TREASURY_WALLET) };
    }
    const { treasury, ...scene } = await setTheScene(this.cast, new Narrator(() => undefined));
    for (const safe of [scene.alphaSafe, scene.betaSafe]) await this.cast.untilDeployed(safe);
    await this.mine();
    writeFileSync(file, JSON.stringify(scene));
    return { ...scene, treasury };
  }

  /** Mines on both chains and waits until the register has read it all. */
  async mine(blocks = CONFIRMATIONS): Promise<void> {
    const { bitcoind, anvil } = this.stack;
    await bitcoind.faucet.mine(blocks);
    await anvil.rpc.call('anvil_mine', `0x${blocks.toString(16)}`);
    await this.untilFollowed();
  }

  /** Waits until the register has read every block that there is. */
  async untilFollowed(): Promise<void> {
    await until('the followers', async () => {
      const chains = await this.get<{ lagBlocks: number | null }[]>('/v1/chains');
      return chains.every(({ lagBlocks }) => lagBlocks === 0) ? true : undefined;
    });
  }

  /** Pays each amount to a fresh address of a Bitcoin wallet, one coin each, and has it credited. @returns the txids */
  async fundBitcoin(wallet: string, amountsSat: readonly bigint[]): Promise<string[]> {
    const txids: string[] = [];
    for (const amountSat of amountsSat) {
      txids.push(await this.stack.bitcoind.faucet.pay(await this.cast.freshAddress(wallet), amountSat));
    }
    await this.mine();
    return txids;
  }

  /** Pays a Safe from the outside world and has it credited. */
  async fundEther(address: string, amountWei: bigint): Promise<void> {
    const { rpc, accounts } = this.stack.anvil;
    await rpc.send({ from: accounts[1]!, to: address, valueWei: amountWei });
    await this.mine();
  }

  get<T>(path: string): Promise<T> {
    return this.cast.client.api.get<T>(path, this.cast.olivia.apiToken);
  }

  /** All zero where nothing was ever booked. */
  async position(wallet: string, asset: AssetId): Promise<Pick<Position, 'walletTotal' | 'available'>> {
    return (await positions(this.cast, wallet, asset)) ?? { walletTotal: '0', available: '0' };
  }

  propose(wish: TransferWish): Promise<TransferView> {
    return this.cast.client.proposeTransfer(this.cast.olivia, wish);
  }

  /** Both approvals that the quorum of a payment needs. */
  async approve(view: TransferView): Promise<TransferView> {
    const { client, omar, oskar } = this.cast;
    return client.approveTransfer(oskar, await client.approveTransfer(omar, view));
  }

  /** Waits for a state; mines meanwhile when told to. */
  async untilState(id: string, state: string, { mining = false } = {}): Promise<TransferView> {
    return until(`${state} of ${id}`, async () => {
      const view = await this.cast.client.transfer(this.cast.olivia, id);
      if (view.state === state) return view;
      if (view.state === 'FAILED') throw new Error(`${id} failed: ${JSON.stringify(view.refusal)}`);
      if (mining) await this.mine(1);
      return undefined;
    });
  }

  /** Proposes, approves and mines until it is settled. */
  async pay(wish: TransferWish): Promise<TransferView> {
    const { id } = await this.approve(await this.propose(wish));
    return this.untilState(id, 'SETTLED', { mining: true });
  }

  /** Waits until each signer's own replica of the charter has these heads, asked over its own door. */
  async untilSignersKnow(heads: Readonly<Record<string, Head>>): Promise<void> {
    const { ports, tls } = this.stack;
    const { keyFile, certificateFile: certFile } = tls.orchestrator;
    for (const id of SIGNER_NAMES) {
      const address = { id, url: `https://127.0.0.1:${ports[id]}`, certFile: tls[id].certificateFile };
      const signer = new SignerClient(address, { keyFile, certFile }, 5_000);
      try {
        await until(`the charter at ${id}`, async () => {
          const answer = await signer.heads();
          return answer.ok && isDeepStrictEqual(answer.value.heads, heads) ? true : undefined;
        });
      } finally {
        signer.close();
      }
    }
  }

  /** Reads the orchestrator's database. */
  async query<Row extends pg.QueryResultRow>(sql: string, ...values: readonly unknown[]): Promise<Row[]> {
    return (await this.database.query<Row>(sql, [...values])).rows;
  }

  /** What live transfers hold: coins, nonces, Safes. */
  async held(wallet: string): Promise<string[]> {
    const rows = await this.query<{ what: string }>(
      `select resource as what from reservation r join transfer t on t.id = r.transfer where t.wallet = $1
       union all select 'busy:' || wallet from busy_safe where wallet = $1 order by what`,
      wallet,
    );
    return rows.map(({ what }) => what);
  }
}
