import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { charterEntrySchema } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { z } from 'zod';
import { CharterReplica, type ReplicaHeads } from '../core/charter-replica.js';

const entriesSchema = z.strictObject({ entries: z.array(charterEntrySchema).min(1).max(500) });

@Controller('v1/charter')
export class CharterController {
  constructor(private readonly replica: CharterReplica) {}

  @Get()
  heads(): ReplicaHeads {
    return this.replica.heads();
  }

  /** Brings entries that this signer lacks. It verifies each by itself and believes nothing else of the caller. */
  @Post('entries')
  @HttpCode(200)
  async apply(@Body({ schema: entriesSchema }) { entries }: z.infer<typeof entriesSchema>): Promise<ReplicaHeads> {
    return orThrow(await this.replica.apply(entries));
  }
}
