import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { approvalSchema } from '@bulkhead/approval';
import { actSchema, charterEntrySchema, charterIntentSchema, type CharterEntry } from '@bulkhead/charter';
import { refused, RefusalError, uuidSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { CurrentMember } from '../../http/member.js';
import { CharterService } from '../core/charter.service.js';
import { ProposalsService } from '../core/proposals.service.js';
import type { CharterIntentRow } from '../persistence/entities.js';
import {
  charterView,
  charterViewSchema,
  intentView,
  intentViewSchema,
  previewView,
  previewViewSchema,
  type CharterView,
  type IntentView,
  type PreviewView,
} from './views.js';

const pageSchema = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .default('0'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const entryViewSchema = z.strictObject({ position: z.string(), entry: charterEntrySchema });
const proposeSchema = z.strictObject({ intent: charterIntentSchema, proposal: approvalSchema });
const approveSchema = z.strictObject({ approval: approvalSchema });
const previewSchema = z.strictObject({ act: actSchema });

/** Governed state: read it, propose a change to it, approve one. Clients, wallets and destinations begin here. */
@ApiTags('charter')
@ApiBearerAuth()
@Controller('v1/charter')
export class CharterController {
  constructor(
    private readonly charter: CharterService,
    private readonly proposals: ProposalsService,
  ) {}

  @Get()
  @ApiAnswer(200, charterViewSchema, 'The charter as it stands')
  async read(): Promise<CharterView> {
    return charterView(await this.charter.required());
  }

  @Get('entries')
  @ApiAnswer(200, z.array(entryViewSchema), 'Entries in the order of their enactment')
  async entries(
    @Query({ schema: pageSchema }) { after, limit }: z.infer<typeof pageSchema>,
  ): Promise<{ position: string; entry: CharterEntry }[]> {
    return this.charter.entries(after, limit);
  }

  @Get('intents')
  @ApiAnswer(200, z.array(intentViewSchema), 'Charter intents, newest first')
  async intents(): Promise<IntentView[]> {
    return (await this.proposals.standings(await this.proposals.list())).map(intentView);
  }

  @Get('intents/:id')
  @ApiAnswer(200, intentViewSchema, 'One charter intent')
  async intent(@Param('id', { schema: uuidSchema }) id: string): Promise<IntentView> {
    return this.view(await this.proposals.find(id));
  }

  /** Tries an act as the charter stands, for the member who asks. Nothing is written. */
  @Post('previews')
  @HttpCode(200)
  @ApiAnswer(200, previewViewSchema, 'Which quorum would decide it, after what delay, and what stands against it')
  async preview(
    @CurrentMember() member: string,
    @Body({ schema: previewSchema }) { act }: z.infer<typeof previewSchema>,
  ): Promise<PreviewView> {
    return previewView(await this.proposals.preview(act, member));
  }

  /** The member who sends it must be the one who signed it. */
  @Post('intents')
  @ApiAnswer(201, intentViewSchema, 'Proposed: waiting for approvals')
  async propose(
    @CurrentMember() member: string,
    @Body({ schema: proposeSchema }) { intent, proposal }: z.infer<typeof proposeSchema>,
  ): Promise<IntentView> {
    requireOwnStatement(member, intent.initiator);
    return this.view(await this.proposals.propose(intent, proposal));
  }

  @Post('intents/:id/approvals')
  @HttpCode(200)
  @ApiAnswer(200, intentViewSchema, 'Taken; ENACTED when the quorum is complete')
  async approve(
    @CurrentMember() member: string,
    @Param('id', { schema: uuidSchema }) id: string,
    @Body({ schema: approveSchema }) { approval }: z.infer<typeof approveSchema>,
  ): Promise<IntentView> {
    requireOwnStatement(member, approval.statement.member);
    return this.view(await this.proposals.approve(id, approval));
  }

  private async view(row: CharterIntentRow): Promise<IntentView> {
    return intentView(await this.proposals.standing(row));
  }
}

/** A token carries its own member's statements only. */
export function requireOwnStatement(member: string, signedBy: string): void {
  if (member === signedBy) return;
  throw new RefusalError(
    refused('request.forbidden', 'A token carries the statements of its own member only.', { member, signedBy })
      .refusal,
  );
}
