import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { signedMessageSchema, type FrostGroup, type SignedMessage } from '@bulkhead/keys';
import { digestSchema, orThrow, slugSchema, type Digest } from '@bulkhead/intent';
import { transferRequestSchema, type SignedDecision, type TransferRequest } from '@bulkhead/policy';
import { z } from 'zod';
import { DecidedRefusal } from '../../http/problem.js';
import type { Decided, DecidedAnswer } from '../../signing/core/signing.service.js';
import { MpcSigningService } from '../core/mpc-signing.service.js';

const shareRequestSchema = z.strictObject({
  request: transferRequestSchema,
  promises: z.array(signedMessageSchema).min(2).max(9),
});
const completionSchema = z.strictObject({
  wallet: slugSchema,
  /** Of this signer's nonces. */
  id: digestSchema,
  signatures: z
    .array(z.strictObject({ inputIndex: z.int().min(0), signature: z.string().regex(/^[0-9a-f]{128}$/) }))
    .min(1)
    .max(200),
});

interface MpcAnswer {
  readonly signer: string;
  readonly wallet: string;
  readonly payloadDigest: Digest;
  readonly message: SignedMessage;
  readonly decision: SignedDecision;
}

interface PromiseAnswer extends MpcAnswer {
  readonly group: FrostGroup;
}

/** The two rounds of signing with an MPC group. The question is the same as for any transfer: may these bytes be signed? */
@Controller('v1/mpc/sign')
export class MpcSigningController {
  constructor(private readonly signing: MpcSigningService) {}

  @Post('promise')
  @HttpCode(200)
  async promise(@Body({ schema: transferRequestSchema }) request: TransferRequest): Promise<PromiseAnswer> {
    const { outcome, ...decided } = given(await this.signing.promise(request));
    return { ...decided, ...outcome };
  }

  @Post('share')
  @HttpCode(200)
  async share(
    @Body({ schema: shareRequestSchema }) { request, promises }: z.infer<typeof shareRequestSchema>,
  ): Promise<MpcAnswer> {
    const { outcome: message, ...decided } = given(await this.signing.share(request, promises));
    return { ...decided, message };
  }

  @Post('complete')
  @HttpCode(200)
  async complete(
    @Body({ schema: completionSchema }) { wallet, id, signatures }: z.infer<typeof completionSchema>,
  ): Promise<{ readonly completed: true }> {
    return { completed: orThrow(await this.signing.complete(wallet, id, signatures)) };
  }
}

function given<T>(answer: DecidedAnswer<T>): Decided<T> {
  if (!answer.ok) throw new DecidedRefusal(answer.refusal, answer.decision);
  return answer.value;
}
