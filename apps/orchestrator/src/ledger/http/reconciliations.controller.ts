import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { refused, RefusalError } from '@bulkhead/intent';
import { ApiAnswer } from '../../http/openapi.js';
import { ReconciliationService } from '../core/reconciliation.service.js';
import { reconciliationView, reconciliationViewSchema, type ReconciliationView } from './views.js';

/** Register beside chain, for every wallet and asset. */
@ApiTags('ledger')
@ApiBearerAuth()
@Controller('v1/reconciliations')
export class ReconciliationsController {
  constructor(private readonly reconciliations: ReconciliationService) {}

  /** Compares now. A difference is an answer, not an error: look at `balanced`. */
  @Post()
  @HttpCode(200)
  @ApiAnswer(200, reconciliationViewSchema, 'What was found')
  async reconcile(): Promise<ReconciliationView> {
    return reconciliationView(await this.reconciliations.reconcile());
  }

  @Get('latest')
  @ApiAnswer(200, reconciliationViewSchema, 'What was found last')
  async latest(): Promise<ReconciliationView> {
    const report = await this.reconciliations.latest();
    if (!report) {
      throw new RefusalError(refused('request.not-found', 'Nothing was reconciled yet: POST to start.').refusal);
    }
    return reconciliationView(report);
  }
}
