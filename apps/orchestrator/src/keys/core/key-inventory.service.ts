import { Injectable } from '@nestjs/common';
import { refused, type Result } from '@bulkhead/intent';
import { CharterPush } from '../../charter/core/charter-push.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { SignersService } from '../../signers/signers.service.js';
import { mergeInventory, type Inventory } from './merge-inventory.js';

/** Every key of the firm: what its signers say of their tokens, held against the charter. */
@Injectable()
export class KeyInventoryService {
  constructor(
    private readonly charter: CharterService,
    private readonly charterPush: CharterPush,
    private readonly signers: SignersService,
  ) {}

  async inventory(): Promise<Inventory> {
    const state = await this.charter.required();
    return mergeInventory(state, await this.signers.keyReports(), new Date());
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
