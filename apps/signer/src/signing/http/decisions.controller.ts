import { Controller, Get, Query } from '@nestjs/common';
import { decisionHash, type SignedDecision } from '@bulkhead/policy';
import { z } from 'zod';
import { IdentitySeal } from '../../identity-seal.js';
import type { LogTip } from '../../token-memory/core/token-memory.js';
import { DecisionLog } from '../persistence/decision-log.js';

const MOST_DECISIONS = 200;
const pageSchema = z.strictObject({ after: z.coerce.number().int().min(0).max(2_147_483_647).default(0) });

/** This signer's record of all that it has decided, for whoever keeps watch over it. */
@Controller('v1/decisions')
export class DecisionsController {
  constructor(
    private readonly decisions: DecisionLog,
    private readonly seal: IdentitySeal,
  ) {}

  /** Those that follow the first `after`, each signed, and how many there are. */
  @Get()
  async page(
    @Query({ schema: pageSchema }) { after }: z.infer<typeof pageSchema>,
  ): Promise<{ decisions: SignedDecision[]; tip: LogTip }> {
    const tip = await this.decisions.stored();
    const records = await this.decisions.after(after, MOST_DECISIONS);
    return { decisions: records.map((record) => ({ record, ...this.seal.over(decisionHash(record)) })), tip };
  }
}
