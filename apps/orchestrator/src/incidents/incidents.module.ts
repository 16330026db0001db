import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { INCIDENT_OPENER } from '../ledger/core/incident-opener.js';
import { IncidentsService } from './core/incidents.service.js';
import { IncidentsController } from './http/incidents.controller.js';
import { IncidentRow } from './persistence/entities.js';

@Module({
  imports: [TypeOrmModule.forFeature([IncidentRow])],
  controllers: [IncidentsController],
  providers: [IncidentsService, { provide: INCIDENT_OPENER, useExisting: IncidentsService }],
  exports: [IncidentsService, INCIDENT_OPENER],
})
export class IncidentsModule {}
