import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { approvalSchema } from '@bulkhead/approval';
import { payloadSchema, slugSchema, transferIntentSchema, uuidSchema } from '@bulkhead/intent';
import { attestationSchema, type Attestation } from '@bulkhead/policy';
import { z } from 'zod';
import { CharterService } from '../../charter/core/charter.service.js';
import { requireOwnStatement } from '../../charter/http/charter.controller.js';
import { CurrentMember } from '../../http/member.js';
import { ApiAnswer } from '../../http/openapi.js';
import { TransferStore } from '../core/transfer-store.js';
import { TransfersService } from '../core/transfers.service.js';
import { TRANSFER_STATES } from '../core/transitions.js';
import type { TransferRow } from '../persistence/entities.js';
import { transferView, transferViewSchema, type TransferView } from './views.js';

const attestationsSchema = z.array(attestationSchema).max(4);
const proposeSchema = z.strictObject({
  intent: transferIntentSchema,
  proposal: approvalSchema,
  /** Bytes that the caller built; without them Bulkhead builds them. They are held to the same rules. */
  payload: payloadSchema.optional(),
  /** What attestors say of it, for policies that ask: a price, the travel rule. */
  attestations: attestationsSchema.optional(),
  /** With an intent that replaces another: the initiator's REJECT of the other's bytes, which ends it. */
  rejection: approvalSchema.optional(),
});
const approveSchema = z.strictObject({ approval: approvalSchema });
/** By whoever signs nothing, nothing is taken back. */
const cancelSchema = z.strictObject({ rejection: approvalSchema.optional() }).optional();
const filterSchema = z.strictObject({
  owner: slugSchema.optional(),
  state: z.enum(TRANSFER_STATES).optional(),
});
const transitionSchema = z.strictObject({
  from: z.string().nullable(),
  to: z.string(),
  at: z.string(),
  detail: z.record(z.string(), z.string()),
});

/** Transfers: the signed wish, the exact bytes built from it, the approvals of those bytes, and what became of them. */
@ApiTags('transfers')
@ApiBearerAuth()
@Controller('v1/transfers')
export class TransfersController {
  constructor(
    private readonly transfers: TransfersService,
    private readonly store: TransferStore,
    private readonly charter: CharterService,
  ) {}

  /** The intent is signed by its initiator (a PROPOSE statement), whose token the request carries. */
  @Post()
  @ApiAnswer(201, transferViewSchema, 'Built, checked and waiting for approvals')
  async propose(
    @CurrentMember() member: string,
    @Body({ schema: proposeSchema })
    { intent, proposal, payload, attestations, rejection }: z.infer<typeof proposeSchema>,
  ): Promise<TransferView> {
    requireOwnStatement(member, intent.initiator);
    return this.view(await this.transfers.propose(intent, proposal, { payload, attestations, rejection }));
  }

  @Get()
  @ApiAnswer(200, z.array(transferViewSchema), 'Transfers, newest first')
  async list(@Query({ schema: filterSchema }) filter: z.infer<typeof filterSchema>): Promise<TransferView[]> {
    const rows = await this.transfers.list(filter);
    return Promise.all(rows.map((row) => this.view(row)));
  }

  @Get(':id')
  @ApiAnswer(200, transferViewSchema, 'One transfer, its bytes decoded')
  async read(@Param('id', { schema: uuidSchema }) id: string): Promise<TransferView> {
    return this.view(await this.transfers.find(id));
  }

  @Get(':id/history')
  @ApiAnswer(200, z.array(transitionSchema), 'Every state it has been in')
  async history(@Param('id', { schema: uuidSchema }) id: string): Promise<unknown[]> {
    await this.transfers.find(id);
    return this.store.history(id);
  }

  @Post(':id/approvals')
  @HttpCode(200)
  @ApiAnswer(200, transferViewSchema, 'Taken; READY when the quorum is complete')
  async approve(
    @CurrentMember() member: string,
    @Param('id', { schema: uuidSchema }) id: string,
    @Body({ schema: approveSchema }) { approval }: z.infer<typeof approveSchema>,
  ): Promise<TransferView> {
    requireOwnStatement(member, approval.statement.member);
    return this.view(await this.transfers.approve(id, approval));
  }

  /** They need no say of the member who brings them: each is signed by its attestor. */
  @Put(':id/attestations')
  @ApiAnswer(200, transferViewSchema, 'Taken in the place of those before, until the quorum is complete')
  async attest(
    @Param('id', { schema: uuidSchema }) id: string,
    @Body({ schema: z.strictObject({ attestations: attestationsSchema }) })
    { attestations }: { attestations: Attestation[] },
  ): Promise<TransferView> {
    return this.view(await this.transfers.attest(id, attestations));
  }

  @Post(':id/cancellation')
  @HttpCode(200)
  @ApiAnswer(200, transferViewSchema, 'Taken back by its initiator before the quorum was complete')
  async cancel(
    @CurrentMember() member: string,
    @Param('id', { schema: uuidSchema }) id: string,
    @Body({ schema: cancelSchema }) body: z.infer<typeof cancelSchema>,
  ): Promise<TransferView> {
    return this.view(await this.transfers.cancel(id, member, body?.rejection));
  }

  private async view(row: TransferRow): Promise<TransferView> {
    const state = await this.charter.required();
    const given = (await this.transfers.words(state, row)).map(({ word, stands }) => {
      const { member, decision } = word.statement;
      return { member, decision, stands };
    });
    return transferView(state, row, given);
  }
}
