import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { approvalSchema, type Approval } from '@bulkhead/approval';
import { orThrow } from '@bulkhead/intent';
import { Objections } from '../core/objections.js';

/** The door takes the same from anybody: whoever brings a member's word, it is the signature that counts. */
@Controller('v1/objections')
export class ObjectionsController {
  constructor(private readonly objections: Objections) {}

  @Post()
  @HttpCode(200)
  async take(@Body({ schema: approvalSchema }) objection: Approval): Promise<{ taken: true }> {
    return { taken: orThrow(await this.objections.take(objection)) };
  }
}
