import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { INCIDENT_OPENER } from '../ledger/core/incident-opener.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { IncidentClosing } from './core/incident-closing.js';
import { IncidentsService } from './core/incidents.service.js';
import { IncidentsController } from './http/incidents.controller.js';
import { IncidentRow } from './persistence/entities.js';

@Module({
  imports: [TypeOrmModule.forFeature([IncidentRow]), LedgerModule],
  controllers: [IncidentsController],
  providers: [IncidentsService, IncidentClosing, { provide: INCIDENT_OPENER, useExisting: IncidentsService }],
  exports: [IncidentsService, IncidentClosing, INCIDENT_OPENER],
})
export class IncidentsModule {}
