import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { LedgerService } from '../core/ledger.service.js';
import {
  entriesPageSchema,
  entriesQuerySchema,
  entryView,
  positionsQuerySchema,
  positionView,
  positionViewSchema,
  type EntriesPage,
} from './views.js';

/** What each owner has, and every entry that says why. */
@ApiTags('ledger')
@ApiBearerAuth()
@Controller('v1/ledger')
export class LedgerController {
  constructor(private readonly ledger: LedgerService) {}

  @Get('positions')
  @ApiAnswer(200, z.array(positionViewSchema), 'The register of positions')
  async positions(
    @Query({ schema: positionsQuerySchema }) query: z.infer<typeof positionsQuerySchema>,
  ): Promise<z.infer<typeof positionViewSchema>[]> {
    return (await this.ledger.positions(query)).map(positionView);
  }

  @Get('entries')
  @ApiAnswer(200, entriesPageSchema, 'Journal entries, oldest first')
  async entries(
    @Query({ schema: entriesQuerySchema }) query: z.infer<typeof entriesQuerySchema>,
  ): Promise<EntriesPage> {
    const { owner, after, limit } = query;
    const entries = await this.ledger.entries({ owner }, { after, limit });
    return {
      entries: entries.map(entryView),
      next: entries.length === limit ? (entries.at(-1)?.id ?? null) : null,
    };
  }
}
