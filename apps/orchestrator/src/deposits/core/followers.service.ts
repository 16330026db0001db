import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { BitcoinClient } from '../../chains/bitcoin-client.js';
import { CHAINS_CONFIG, type ChainsConfig } from '../../chains/config.js';
import { EthereumClient } from '../../chains/ethereum-client.js';
import { SafeGateway } from '../../chains/safe-gateway.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { BitcoinReader } from './bitcoin-reader.js';
import { BlockListeners } from './block-listeners.js';
import type { ChainReader } from './chain-reader.js';
import { EthereumReader } from './ethereum-reader.js';
import { Follower } from './follower.js';
import { RegisterWriter } from './register-writer.js';

const LONGEST_REST_MS = 15_000;

/** Runs the two block followers while the process lives; a node that is down is asked again, ever less often. */
@Injectable()
export class FollowersService implements OnApplicationShutdown {
  private readonly log = new Logger('followers');
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(CHAINS_CONFIG) private readonly config: ChainsConfig,
    private readonly database: DataSource,
    private readonly bitcoin: BitcoinClient,
    private readonly ethereum: EthereumClient,
    private readonly safes: SafeGateway,
    private readonly charter: CharterService,
    private readonly writer: RegisterWriter,
    private readonly listeners: BlockListeners,
  ) {}

  /** Throws when a chain that was never followed cannot be followed from now on: then no request may be taken. */
  async begin(): Promise<void> {
    const { bitcoin, ethereum } = this.config;
    const onBitcoin = this.follower(new BitcoinReader(this.bitcoin, bitcoin.confirmations));
    const onEthereum = this.follower(
      new EthereumReader(this.ethereum, this.safes, this.charter, ethereum.confirmations),
    );
    await Promise.all([onBitcoin.begun(), onEthereum.begun()]);
    this.running = Promise.all([this.run(onBitcoin, bitcoin.pollMs), this.run(onEthereum, ethereum.pollMs)]);
  }

  private follower<Block>(reader: ChainReader<Block>): Follower<Block> {
    return new Follower(this.database, reader, this.writer, this.listeners);
  }

  /** Waits for the blocks that are being applied. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(follower: Pick<Follower<unknown>, 'chain' | 'step'>, pollMs: number): Promise<void> {
    let failures = 0;
    while (!this.stopping.signal.aborted) {
      let restMs = pollMs;
      try {
        const step = await follower.step();
        if (failures > 0) this.log.log(`${follower.chain}: followed again`);
        failures = 0;
        if (step === 'MOVED') restMs = 0;
      } catch (error) {
        failures += 1;
        restMs = Math.min(pollMs * 2 ** Math.min(failures, 10), LONGEST_REST_MS);
        if (failures === 1) this.log.warn(`${follower.chain}: ${error instanceof Error ? error.message : 'unknown'}`);
      }
      await sleep(restMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }
}
