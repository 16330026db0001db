import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { safeContractsOf } from '@bulkhead/charter';
import { EthereumClient } from '../chains/ethereum-client.js';
import { SafeGateway } from '../chains/safe-gateway.js';
import { CharterService } from '../charter/core/charter.service.js';
import { JobsService } from '../jobs/jobs.service.js';
import { AddressesService } from '../wallets/core/addresses.service.js';
import { GasPayerService } from './gas-payer.service.js';

/**
 * Deploys a Safe of the charter at the address that was predicted for it, paid by the house as a gift. Only one whose
 * address is issued: the house pays nothing for a Safe that nobody was shown to control.
 */
@Injectable()
export class SafeDeployment implements OnModuleInit {
  private readonly log = new Logger('gas');

  constructor(
    private readonly jobs: JobsService,
    private readonly charter: CharterService,
    private readonly ethereum: EthereumClient,
    private readonly safes: SafeGateway,
    private readonly gasPayer: GasPayerService,
    private readonly addresses: AddressesService,
  ) {}

  onModuleInit(): void {
    this.jobs.handle('safe-deployment', (wallet) => this.deploy(wallet));
  }

  /** Enqueues every Safe of the charter that has no code yet: what a crash left undone. */
  async resume(): Promise<void> {
    const state = await this.charter.state();
    for (const wallet of state?.wallets.values() ?? []) {
      if (wallet.kind !== 'safe') continue;
      const code = await this.ethereum.code(wallet.address);
      if (code === '0x') await this.jobs.enqueue('safe-deployment', wallet.id);
    }
  }

  /** Throws until the Safe is there, so that the job is tried again: a node that dies or a reorg may lose what was sent. */
  private async deploy(walletId: string): Promise<void> {
    const state = await this.charter.required();
    const wallet = state.wallets.get(walletId);
    if (wallet?.kind !== 'safe') throw new Error(`${walletId} is not a Safe of the charter`);
    // the issuing of its address enqueues it again
    if ((await this.addresses.issued(walletId)).length === 0) return;
    if ((await this.ethereum.code(wallet.address)) !== '0x') return;
    const call = await this.safes.deployment(wallet, safeContractsOf(state));
    if (!call.ok) throw new Error(`${walletId}: ${call.refusal.code} ${call.refusal.detail}`);
    const sent = await this.gasPayer.send({ subject: `deploy:${walletId}`, ...call.value, safeNonce: null });
    if (!sent.ok) throw new Error(`${walletId}: ${sent.refusal.code} ${sent.refusal.detail}`);
    if ((await this.ethereum.code(wallet.address)) === '0x') {
      throw new Error(`Safe ${walletId} is being deployed at ${wallet.address} by ${sent.value}`);
    }
    this.log.log(`Safe ${walletId} was deployed at ${wallet.address} by ${sent.value}`);
  }
}
