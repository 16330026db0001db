import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { Starts } from '../../charter/http/starts.js';
import { ApiAnswer } from '../../http/openapi.js';
import { MpcGroupsService } from '../core/mpc-groups.service.js';

const groupSchema = z.strictObject({ wallet: slugSchema, threshold: z.int().min(2).max(9) });
const groupViewSchema = z.strictObject({
  wallet: slugSchema,
  threshold: z.int(),
  /** Each signer's verifying share. */
  keys: z.array(z.strictObject({ signer: slugSchema, publicKey: z.string() })),
  address: z.string(),
});
const reshareViewSchema = z.strictObject({
  wallet: slugSchema,
  /** Each new member's verifying share, and its proof that it keeps it. */
  keys: z.array(z.strictObject({ signer: slugSchema, publicKey: z.string(), proof: z.string() })),
});
const releaseViewSchema = z.strictObject({ wallet: slugSchema, released: z.array(slugSchema) });
const epochViewSchema = z.strictObject({ wallet: slugSchema, epoch: z.int() });

/** Taproot keys that the signers hold in shares. */
@ApiTags('wallets')
@ApiBearerAuth()
@Controller('v1')
export class MpcController {
  constructor(private readonly groups: MpcGroupsService) {}

  /** Has all signers generate a group for a wallet that is to be proposed. Asked again, it is another group. */
  @Post('mpc-groups')
  @Starts('wallet.open')
  @HttpCode(200)
  @ApiAnswer(200, groupViewSchema, 'What the wallet.open act of a taproot-mpc wallet names')
  async generate(
    @Body({ schema: groupSchema }) { wallet, threshold }: z.infer<typeof groupSchema>,
  ): Promise<z.infer<typeof groupViewSchema>> {
    const { keys, address } = orThrow(await this.groups.generate(wallet, threshold));
    return { wallet, threshold, keys: [...keys], address };
  }

  /** Has the signers deal new shares of an MPC wallet's key among themselves; the old ones are destroyed. */
  @Post('wallets/:id/share-refreshes')
  @Starts('wallet.open', 'mpc-wallet.reshare')
  @HttpCode(200)
  @ApiAnswer(200, epochViewSchema, 'The epoch of the new shares; address and key are the same')
  async refresh(@Param('id', { schema: slugSchema }) id: string): Promise<z.infer<typeof epochViewSchema>> {
    const { epoch } = orThrow(await this.groups.refresh(id));
    return { wallet: id, epoch };
  }

  /** Has the signers deal the wallet's key anew to the members that the charter permits. Nothing is used of it yet. */
  @Post('wallets/:id/resharings')
  @Starts('wallet.open', 'mpc-wallet.reshare')
  @HttpCode(200)
  @ApiAnswer(200, reshareViewSchema, 'What the mpc-wallet.switch act names; asked again, they are other shares')
  async reshare(@Param('id', { schema: slugSchema }) id: string): Promise<z.infer<typeof reshareViewSchema>> {
    return { wallet: id, keys: [...orThrow(await this.groups.reshare(id))] };
  }

  /** After a switch, has the signers destroy the old shares. */
  @Post('wallets/:id/share-releases')
  @Starts('wallet.open', 'mpc-wallet.reshare')
  @HttpCode(200)
  @ApiAnswer(200, releaseViewSchema, 'Which signers hold nothing of before any more')
  async release(@Param('id', { schema: slugSchema }) id: string): Promise<z.infer<typeof releaseViewSchema>> {
    return { wallet: id, released: [...orThrow(await this.groups.release(id))] };
  }
}
