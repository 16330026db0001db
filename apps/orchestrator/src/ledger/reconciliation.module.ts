import { Module } from '@nestjs/common';
import { DepositsModule } from '../deposits/deposits.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { ReconciliationService } from './core/reconciliation.service.js';
import { ReconciliationsController } from './http/reconciliations.controller.js';
import { LedgerModule } from './ledger.module.js';

/** Apart from the books, which block followers write: reconciliation reads what both they and their chains say. */
@Module({
  imports: [DepositsModule, IncidentsModule, LedgerModule],
  controllers: [ReconciliationsController],
  providers: [ReconciliationService],
})
export class ReconciliationModule {}
