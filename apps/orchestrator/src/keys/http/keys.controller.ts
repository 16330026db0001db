import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { KeyInventoryService } from '../core/key-inventory.service.js';
import { inventoryViewSchema, type InventoryView } from './views.js';

const filterSchema = z.strictObject({
  owner: slugSchema.optional(),
  wallet: slugSchema.optional(),
  signer: slugSchema.optional(),
});
const destructionSchema = z.strictObject({ wallet: slugSchema, signer: slugSchema });
const destroyedSchema = z.strictObject({ destroyed: z.literal(true) });

/** Every key of the firm. What becomes of one is an act of the charter: `key.suspend` and the others. */
@ApiTags('keys')
@ApiBearerAuth()
@Controller('v1')
export class KeysController {
  constructor(private readonly inventory: KeyInventoryService) {}

  @Get('keys')
  @ApiAnswer(200, inventoryViewSchema, 'What signers say of their tokens, held against the charter')
  async keys(@Query({ schema: filterSchema }) filter: z.infer<typeof filterSchema>): Promise<InventoryView> {
    const { keys, silent } = await this.inventory.inventory();
    const wanted = keys.filter(
      ({ owner, wallet, signer }) =>
        owner === (filter.owner ?? owner) &&
        wallet === (filter.wallet ?? wallet) &&
        signer === (filter.signer ?? signer),
    );
    return {
      keys: wanted.map(({ differences, ...key }) => ({ ...key, differences: [...differences] })),
      silent: silent.map(({ signer, refusal }) => ({ signer, code: refusal.code, detail: refusal.detail })),
    };
  }

  /** Asks a signer to carry out now what the charter says; it does so by itself too, and nothing else. */
  @Post('key-destructions')
  @HttpCode(200)
  @ApiAnswer(200, destroyedSchema, 'The signer has looked for the key in its token opened anew: it is gone')
  async destroy(
    @Body({ schema: destructionSchema }) { wallet, signer }: z.infer<typeof destructionSchema>,
  ): Promise<z.infer<typeof destroyedSchema>> {
    return { destroyed: orThrow(await this.inventory.destroy(wallet, signer)) };
  }
}
