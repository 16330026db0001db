import { Module } from '@nestjs/common';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { ReconciliationService } from './core/reconciliation.service.js';
import { ReconciliationsController } from './http/reconciliations.controller.js';
import { LedgerModule } from './ledger.module.js';

/** Apart from the books, which block followers write. The chains' side comes from the global ChainsModule. */
@Module({
  imports: [IncidentsModule, LedgerModule],
  controllers: [ReconciliationsController],
  providers: [ReconciliationService],
})
export class ReconciliationModule {}
