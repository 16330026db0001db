import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { digestSchema, refused, RefusalError, slugSchema, uuidSchema } from '@bulkhead/intent';
import { signedDecisionSchema } from '@bulkhead/policy';
import { z } from 'zod';
import { CharterService } from '../../charter/core/charter.service.js';
import { ApiAnswer } from '../../http/openapi.js';
import { DecisionsService } from '../core/decisions.service.js';
import type { SignerDecisionRow } from '../persistence/entities.js';

const decisionViewSchema = z.strictObject({
  hash: digestSchema,
  transfer: uuidSchema.nullable(),
  decision: signedDecisionSchema,
});
type DecisionView = z.infer<typeof decisionViewSchema>;
const pageSchema = z.strictObject({
  after: z.coerce.number().int().min(0).max(2_147_483_647).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** What signers have decided, as each has signed it: auditors verify it by the charter alone. */
@ApiTags('decisions')
@ApiBearerAuth()
@Controller('v1')
export class DecisionsController {
  constructor(
    private readonly decisions: DecisionsService,
    private readonly charter: CharterService,
  ) {}

  @Get('transfers/:id/decisions')
  @ApiAnswer(200, z.array(decisionViewSchema), 'Every decision about a transfer, and about the gas of its execution')
  async ofTransfer(@Param('id', { schema: uuidSchema }) id: string): Promise<DecisionView[]> {
    const rows = await this.decisions.ofTransfer(id);
    if (rows.length === 0 && !(await this.decisions.isTransfer(id))) throw notFound('No such transfer.', id);
    return rows.map(decisionView);
  }

  /** The signer's chain from the place `after` on. */
  @Get('signers/:id/decisions')
  @ApiAnswer(200, z.array(decisionViewSchema), 'The decisions of one signer, in the order of its chain')
  async ofSigner(
    @Param('id', { schema: slugSchema }) id: string,
    @Query({ schema: pageSchema }) { after, limit }: z.infer<typeof pageSchema>,
  ): Promise<DecisionView[]> {
    if (!(await this.charter.required()).signers.has(id)) throw notFound('No such signer.', id);
    return (await this.decisions.ofSigner(id, after, limit)).map(decisionView);
  }
}

const decisionView = ({ hash, transfer, decision }: SignerDecisionRow): DecisionView => ({
  hash: digestSchema.parse(hash),
  transfer,
  decision,
});

const notFound = (detail: string, id: string): RefusalError =>
  new RefusalError(refused('request.not-found', detail, { id }).refusal);
