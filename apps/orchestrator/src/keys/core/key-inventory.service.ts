import { Inject, Injectable } from '@nestjs/common';
import { keysMade } from '@bulkhead/evidence';
import { refused, type Result } from '@bulkhead/intent';
import { CharterPush } from '../../charter/core/charter-push.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { CONFIG, type Config } from '../../config.js';
import { ceremonyOf } from '../../kits/core/ceremony-transcript.js';
import { SignersService } from '../../signers/signers.service.js';
import { mergeInventory, type Inventory } from './merge-inventory.js';

/** Every key of the firm: what its signers say of their tokens, held against the charter and the genesis ceremony. */
@Injectable()
export class KeyInventoryService {
  constructor(
    private readonly charter: CharterService,
    private readonly charterPush: CharterPush,
    private readonly signers: SignersService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async inventory(): Promise<Inventory> {
    const state = await this.charter.required();
    const [reports, ceremony] = await Promise.all([this.signers.keyReports(), ceremonyOf(this.config, state.firm)]);
    return mergeInventory(state, reports, new Date(), ceremony ? keysMade(ceremony) : []);
  }

  /** Has a signer carry out a destruction that the charter has decided, and waits for it. The signer refuses any other. */
  async destroy(wallet: string, signer: string): Promise<Result<true>> {
    const { keys } = await this.inventory();
    const key = keys.find((one) => one.wallet === wallet && one.signer === signer && one.state === 'DESTROYED');
    if (!key?.publicKey)
      return refused('charter.key-state', 'The charter does not say that this signer destroys a key of this wallet.', {
        wallet,
        signer,
      });
    await this.charterPush.bringUpToDate(signer);
    return this.signers.destroyKey(signer, wallet, key.publicKey);
  }
}
