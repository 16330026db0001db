import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { gasRequestSchema, transferRequestSchema, type GasRequest, type TransferRequest } from '@bulkhead/policy';
import { DecidedRefusal } from '../../http/problem.js';
import { SigningService, type SignedAnswer, type SigningAnswer } from '../core/signing.service.js';

/** The two questions that may be put to a signer. None of them is "sign these 32 bytes". */
@Controller('v1/sign')
export class SigningController {
  constructor(private readonly signing: SigningService) {}

  @Post('transfer')
  @HttpCode(200)
  async transfer(@Body({ schema: transferRequestSchema }) request: TransferRequest): Promise<SignedAnswer> {
    return given(await this.signing.signTransfer(request));
  }

  @Post('gas')
  @HttpCode(200)
  async gas(@Body({ schema: gasRequestSchema }) request: GasRequest): Promise<SignedAnswer> {
    return given(await this.signing.signGas(request));
  }
}

function given(answer: SigningAnswer): SignedAnswer {
  if (!answer.ok) throw new DecidedRefusal(answer.refusal, answer.decision);
  return answer.value;
}
