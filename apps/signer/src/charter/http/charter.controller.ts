import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { chainNameSchema, charterEntrySchema } from '@bulkhead/charter';
import { digestSchema, orThrow } from '@bulkhead/intent';
import { z } from 'zod';
import { CharterReplica, type ReplicaHeads } from '../core/charter-replica.js';
import type { EntriesPage } from '../persistence/charter-log.js';

const entriesSchema = z.strictObject({ entries: z.array(charterEntrySchema).min(1).max(500) });
const pageSchema = z.strictObject({ after: digestSchema.optional(), chain: chainNameSchema.optional() });
const MOST_ENTRIES = 100;

@Controller('v1/charter')
export class CharterController {
  constructor(private readonly replica: CharterReplica) {}

  @Get()
  heads(): ReplicaHeads {
    return this.replica.heads();
  }

  /** What the door answers too: for an orchestrator that lacks entries, because its database was restored. */
  @Get('entries')
  async page(@Query({ schema: pageSchema }) { after, chain }: z.infer<typeof pageSchema>): Promise<EntriesPage> {
    return orThrow(await this.replica.page(after, chain, MOST_ENTRIES));
  }

  /** Brings entries that this signer lacks. It verifies each by itself and believes nothing else of the caller. */
  @Post('entries')
  @HttpCode(200)
  async apply(@Body({ schema: entriesSchema }) { entries }: z.infer<typeof entriesSchema>): Promise<ReplicaHeads> {
    return orThrow(await this.replica.apply(entries));
  }
}
