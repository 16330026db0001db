import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { frostGroupSchema, signedMessageSchema, type SignedMessage } from '@bulkhead/keys';
import { orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { ShareSwitch, type ProvenShare } from '../core/share-switch.js';

const messages = z.array(signedMessageSchema).max(9);
const proofSchema = z.strictObject({ group: frostGroupSchema, messages });
const walletSchema = z.strictObject({ wallet: slugSchema });
const releaseSchema = z.strictObject({ wallet: slugSchema, messages });

/** What follows a resharing to other members: proofs for the charter's switch, and the end of the old shares. */
@Controller('v1/mpc/shares')
export class ShareSwitchController {
  constructor(private readonly shares: ShareSwitch) {}

  @Post('proofs')
  @HttpCode(200)
  async prove(
    @Body({ schema: proofSchema }) { group, messages: confirmations }: z.infer<typeof proofSchema>,
  ): Promise<ProvenShare> {
    return orThrow(await this.shares.prove(group, confirmations));
  }

  @Post('using')
  @HttpCode(200)
  async using(
    @Body({ schema: walletSchema }) { wallet }: z.infer<typeof walletSchema>,
  ): Promise<{ readonly messages: readonly SignedMessage[] }> {
    return { messages: [orThrow(await this.shares.using(wallet))] };
  }

  @Post('release')
  @HttpCode(200)
  async release(
    @Body({ schema: releaseSchema }) { wallet, messages: using }: z.infer<typeof releaseSchema>,
  ): Promise<{ readonly released: true }> {
    return { released: orThrow(await this.shares.release(wallet, using)) };
  }
}
