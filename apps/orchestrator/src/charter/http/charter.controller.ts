import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { approvalSchema, memberSchema, quorumSchema } from '@bulkhead/approval';
import {
  calendarSchema,
  charterEntrySchema,
  charterIntentSchema,
  GOVERNED,
  groupSchema,
  headSchema,
  limitsSchema,
  rulesSchema,
  type CharterEntry,
} from '@bulkhead/charter';
import { digestSchema, instantSchema, refused, RefusalError, uuidSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { CurrentMember } from '../../http/member.js';
import { CharterService } from '../core/charter.service.js';
import { ProposalsService } from '../core/proposals.service.js';
import type { CharterIntentRow } from '../persistence/entities.js';

const charterViewSchema = z.strictObject({
  firm: digestSchema,
  name: z.string(),
  bitcoin: z.string(),
  ethereum: z.string(),
  heads: z.record(z.string(), headSchema),
  members: z.array(memberSchema),
  groups: z.array(groupSchema),
  /** Those that are not retired. */
  signers: z.array(z.string()),
  rules: rulesSchema,
  calendar: calendarSchema.nullable(),
  quorums: z.partialRecord(z.enum(GOVERNED), quorumSchema),
  limits: limitsSchema,
  /** What is frozen, to the reason why. */
  frozen: z.record(z.string(), z.string()),
  /** What loosens and waits out its delay. */
  pending: z.array(z.strictObject({ intent: uuidSchema, kind: z.string(), notBefore: instantSchema })),
});
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
const intentViewSchema = z.strictObject({
  id: uuidSchema,
  digest: digestSchema,
  status: z.enum(['PENDING_APPROVAL', 'ENACTED', 'REJECTED', 'LAPSED']),
  intent: charterIntentSchema,
  refusal: z.strictObject({ code: z.string(), detail: z.string(), facts: z.record(z.string(), z.string()) }).nullable(),
});

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
  async read(): Promise<z.infer<typeof charterViewSchema>> {
    const state = await this.charter.required();
    const { firm, genesis, heads, members, groups, signers, rules, calendar, quorums, limits, frozen, pending } = state;
    return {
      firm,
      name: genesis.name,
      bitcoin: genesis.bitcoin,
      ethereum: genesis.ethereum,
      heads: heads.toObject(),
      members: [...members.values()],
      groups: [...groups].map(([id, named]) => ({ id, members: [...named] })),
      signers: [...signers.values()].filter(({ retired }) => !retired).map(({ id }) => id),
      rules,
      calendar: calendar ?? null,
      quorums,
      limits,
      frozen: frozen.toObject(),
      pending: [...pending.entries()].map(([intent, { act, notBefore }]) => ({ intent, kind: act.kind, notBefore })),
    };
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
  async intents(): Promise<z.infer<typeof intentViewSchema>[]> {
    return (await this.proposals.list()).map(intentView);
  }

  @Get('intents/:id')
  @ApiAnswer(200, intentViewSchema, 'One charter intent')
  async intent(@Param('id', { schema: uuidSchema }) id: string): Promise<z.infer<typeof intentViewSchema>> {
    return intentView(await this.proposals.find(id));
  }

  /** The member who sends it must be the one who signed it. */
  @Post('intents')
  @ApiAnswer(201, intentViewSchema, 'Proposed: waiting for approvals')
  async propose(
    @CurrentMember() member: string,
    @Body({ schema: proposeSchema }) { intent, proposal }: z.infer<typeof proposeSchema>,
  ): Promise<z.infer<typeof intentViewSchema>> {
    requireOwnStatement(member, intent.initiator);
    return intentView(await this.proposals.propose(intent, proposal));
  }

  @Post('intents/:id/approvals')
  @HttpCode(200)
  @ApiAnswer(200, intentViewSchema, 'Taken; ENACTED when the quorum is complete')
  async approve(
    @CurrentMember() member: string,
    @Param('id', { schema: uuidSchema }) id: string,
    @Body({ schema: approveSchema }) { approval }: z.infer<typeof approveSchema>,
  ): Promise<z.infer<typeof intentViewSchema>> {
    requireOwnStatement(member, approval.statement.member);
    return intentView(await this.proposals.approve(id, approval));
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

const intentView = ({ id, digest, status, intent, refusal }: CharterIntentRow): z.infer<typeof intentViewSchema> => ({
  id,
  digest: digest as z.infer<typeof digestSchema>,
  status,
  intent,
  refusal: refusal && { ...refusal, facts: { ...refusal.facts } },
});
