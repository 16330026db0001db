import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { isKeyActive, neededKeys, type CharterState, type Wallet } from '@bulkhead/charter';
import { isOutage, orThrow, refused, RefusalError, type Result } from '@bulkhead/intent';
import { CharterService } from '../../charter/core/charter.service.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { MpcGroupsService } from '../../mpc/core/mpc-groups.service.js';
import { SignersService } from '../../signers/signers.service.js';
import type { ManagedAddressRow } from '../persistence/entities.js';
import { AddressesService, RECEIVE, type Branch } from './addresses.service.js';

/**
 * No address leaves before as many keys as it takes to spend from it have just shown that they are held; of an MPC
 * wallet, as many shares. The one address of an account is proven by a job once its wallet is open, or when it is asked
 * for; only then is a Safe deployed.
 */
@Injectable()
export class IssuanceService implements OnModuleInit {
  private readonly log = new Logger('wallets');

  constructor(
    private readonly charter: CharterService,
    private readonly addresses: AddressesService,
    private readonly signers: SignersService,
    private readonly groups: MpcGroupsService,
    private readonly jobs: JobsService,
  ) {}

  onModuleInit(): void {
    this.jobs.handle('address-proof', (wallet) => this.issueAccount(wallet));
  }

  /** Enqueues every account whose address was never proven: what a crash left undone. */
  async resume(): Promise<void> {
    for (const wallet of await this.addresses.unissuedAccounts()) await this.jobs.enqueue('address-proof', wallet);
  }

  /** @throws RefusalError with the refusal of whoever did not prove its key; then nothing is issued */
  async issue(id: string, branch: Branch): Promise<ManagedAddressRow> {
    const state = await this.charter.required();
    const wallet = state.wallets.get(id);
    if (!wallet) throw new RefusalError(refused('request.not-found', 'No such wallet.', { wallet: id }).refusal);
    return this.addresses.issueProven(
      id,
      branch,
      async (address) => orThrow(await this.proven(state, wallet, address)),
      async (manager) => {
        if (wallet.kind === 'safe') await this.jobs.enqueue('safe-deployment', id, manager);
      },
    );
  }

  /** Throws until the address is issued, so that the job is tried again: a signer may be away. */
  private async issueAccount(wallet: string): Promise<void> {
    if ((await this.addresses.issued(wallet)).length > 0) return;
    try {
      await this.issue(wallet, RECEIVE);
    } catch (error) {
      if (error instanceof RefusalError && !isOutage(error.refusal))
        this.log.warn(`The address of ${wallet} is not issued: ${error.message}`);
      throw error;
    }
  }

  private proven(state: CharterState, wallet: Wallet, address: string): Promise<Result<true>> {
    if (wallet.kind === 'taproot-mpc') return this.groups.proveControl(state, wallet, address);
    const keys = wallet.keys.filter(({ signer }) => isKeyActive(state, wallet, signer));
    return this.signers.proveControl({ id: wallet.id, keys, threshold: neededKeys(wallet) }, address);
  }
}
