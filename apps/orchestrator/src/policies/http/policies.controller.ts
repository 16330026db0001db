import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { GOVERNED, policySchema } from '@bulkhead/charter';
import { slugSchema, uuidSchema } from '@bulkhead/intent';
import { attestationStatementSchema } from '@bulkhead/policy';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { PoliciesService, type BackTestPage } from '../core/policies.service.js';

const factsSchema = z.record(z.string(), z.unknown());
const refusalSchema = z.strictObject({
  code: z.string(),
  detail: z.string(),
  facts: z.record(z.string(), z.string()),
});
const inForceSchema = policySchema.extend({
  effect: z.enum(['permit', 'forbid']),
  quorum: z.string().nullable(),
  description: z.string().nullable(),
});
/** A policy as it would be set, or the removal of one that is in force. */
const draftSchema = z.union([policySchema, z.strictObject({ id: slugSchema, remove: z.literal(true) })]);
const reportSchema = z.strictObject({
  /** The draft in its one layout; empty of a removal. */
  formatted: z.string(),
  /** Against the policy of the same id that is in force. */
  diff: z.array(z.strictObject({ sign: z.enum([' ', '+', '-']), text: z.string() })),
  findings: z.array(
    z.strictObject({
      kind: z.enum(['never-matches', 'shadowed', 'repeats', 'demands', 'not-covered']),
      policy: z.string(),
      says: z.string(),
    }),
  ),
  proof: z.strictObject({
    proven: z.boolean(),
    combinations: z.int(),
    notCovered: z.array(z.string()),
    /** Forbids that the proof did without: it holds whether they match or not. */
    withoutForbids: z.array(z.string()),
    counterExamples: z.array(
      z.strictObject({
        claim: z.enum(['walls', 'floor-quorum', 'reachable-quorum', 'no-error']),
        says: z.string(),
        policies: z.array(z.string()),
        transfer: factsSchema,
      }),
    ),
  }),
});
const outcomeSchema = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('PERMIT'),
    policies: z.array(z.string()),
    quorums: z.array(z.enum(GOVERNED)),
  }),
  z.strictObject({ decision: z.literal('DENY'), code: z.string(), facts: z.record(z.string(), z.string()) }),
]);
const backTestSchema = z.strictObject({
  draft: draftSchema,
  days: z.int().min(1).max(366),
  /** The `next` of the page before. */
  after: uuidSchema.optional(),
});
const backTestPageSchema = z.strictObject({
  /** Transfers of this page that were decided on twice, and those that no policy was asked about. */
  considered: z.int(),
  notAsked: z.int(),
  changes: z.array(
    z.strictObject({
      transfer: uuidSchema,
      at: z.string(),
      owner: z.string(),
      wallet: z.string(),
      asset: z.string(),
      amount: z.string(),
      to: z.string(),
      before: outcomeSchema,
      after: outcomeSchema,
    }),
  ),
  next: uuidSchema.nullable(),
  total: z.int(),
  /** Transfers of this page with more spends before them than are looked back on: their velocities are too low. */
  historyCut: z.array(uuidSchema),
});
const explanationSchema = z.strictObject({
  /** As Cedar was asked: principal, action, resource, context, entities. */
  facts: factsSchema,
  /** What attestors say of it: verified, and among the facts. */
  attestations: z.array(attestationStatementSchema),
  policies: z.array(
    z.strictObject({
      id: z.string(),
      effect: z.enum(['permit', 'forbid']),
      quorum: z.string().nullable(),
      description: z.string().nullable(),
      answer: z.enum(['MATCHES', 'DOES_NOT_MATCH', 'ERRS']),
      /** Each fact that it reads, by path, as it was told; null where there is none. */
      reads: z.record(z.string(), z.unknown()),
    }),
  ),
  quorums: z.array(z.enum(GOVERNED)),
  missing: refusalSchema.nullable(),
});

/** Policies for the people who write them: what is in force, what a draft would do, why a transfer may or may not be. */
@ApiTags('policies')
@ApiBearerAuth()
@Controller('v1')
export class PoliciesController {
  constructor(private readonly policies: PoliciesService) {}

  @Get('policies')
  @ApiAnswer(200, z.array(inForceSchema), 'Policies in force')
  async inForce(): Promise<z.infer<typeof inForceSchema>[]> {
    return this.policies.inForce();
  }

  /** Nothing is kept: a draft is put into force by a `policy.set` or `policy.remove` intent of the charter. */
  @Post('policies/checks')
  @HttpCode(200)
  @ApiAnswer(200, reportSchema, 'Valid; its layout, difference, oddities and proof')
  async check(@Body({ schema: draftSchema }) draft: z.infer<typeof draftSchema>) {
    return this.policies.check(draft);
  }

  /** Decides the transfers of the last days anew, with and without a draft. A page at a time, oldest first. */
  @Post('policies/back-tests')
  @HttpCode(200)
  @ApiAnswer(200, backTestPageSchema, 'Every decision that the draft would have changed')
  async backTest(
    @Body({ schema: backTestSchema }) { draft, days, after }: z.infer<typeof backTestSchema>,
  ): Promise<BackTestPage> {
    return this.policies.backTest(draft, days, after);
  }

  @Get('transfers/:id/policies')
  @ApiAnswer(200, explanationSchema, 'Which policies matched, on which facts, and what is missing')
  async explain(@Param('id', { schema: uuidSchema }) id: string) {
    return this.policies.explain(id);
  }
}
