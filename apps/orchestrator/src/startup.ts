import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { charterEntrySchema, entryHash, safeContractsOf } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { BitcoinClient } from './chains/bitcoin-client.js';
import { EthereumClient } from './chains/ethereum-client.js';
import { SafeGateway } from './chains/safe-gateway.js';
import { CharterCatchUp } from './charter/core/charter-catch-up.js';
import { CharterPush } from './charter/core/charter-push.js';
import { CharterService } from './charter/core/charter.service.js';
import { ProposalsService } from './charter/core/proposals.service.js';
import { CONFIG, type Config } from './config.js';
import { RecordWatch } from './decisions/core/record-watch.js';
import { FollowersService } from './deposits/core/followers.service.js';
import { SafeDeployment } from './gas/safe-deployment.js';
import { JobsService } from './jobs/jobs.service.js';
import { TransferWorker } from './transfers/core/transfer-worker.js';
import { IssuanceService } from './wallets/core/issuance.service.js';

/** What happens between "the tables are there" and "requests are taken", in this order. */
@Injectable()
export class Startup {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: JobsService,
    private readonly charter: CharterService,
    private readonly bitcoin: BitcoinClient,
    private readonly ethereum: EthereumClient,
    private readonly safes: SafeGateway,
    private readonly issuance: IssuanceService,
    private readonly deployments: SafeDeployment,
    private readonly transfers: TransferWorker,
    private readonly charterPush: CharterPush,
    private readonly charterCatchUp: CharterCatchUp,
    private readonly proposals: ProposalsService,
    private readonly followers: FollowersService,
    private readonly recordWatch: RecordWatch,
  ) {}

  async begin(): Promise<void> {
    await this.jobs.prepare();
    await this.takeGenesis();
    await this.charterCatchUp.compare();
    await this.proposals.resume();
    await this.checkChains();
    // only now: a registry that lacks wallets would not see what arrives there
    await this.followers.begin();
    await this.jobs.enqueue('charter-push', 'all');
    await this.issuance.resume();
    await this.deployments.resume();
    await this.jobs.work();
    await this.transfers.watch();
    this.charterPush.watch();
    this.recordWatch.begin();
  }

  /** The genesis comes from the key ceremony; a log that begins otherwise is somebody else's. */
  private async takeGenesis(): Promise<void> {
    const genesis = charterEntrySchema.parse(JSON.parse(readFileSync(this.config.genesisFile, 'utf8')));
    const state = await this.charter.state();
    if (!state) await this.charter.append(genesis);
    else if (state.firm !== entryHash(genesis)) {
      throw new Error(`${this.config.genesisFile} is not the genesis of the charter in the database`);
    }
  }

  /** Wrong networks and contracts that are not the pinned ones stop the start: better no service than a wrong one. */
  private async checkChains(): Promise<void> {
    orThrow(await this.bitcoin.checkNetwork());
    orThrow(await this.ethereum.checkNetwork());
    orThrow(await this.safes.checkContracts(safeContractsOf(await this.charter.required())));
  }
}
