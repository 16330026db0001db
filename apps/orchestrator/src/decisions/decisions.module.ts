import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { DecisionsService } from './core/decisions.service.js';
import { RecordWatch } from './core/record-watch.js';
import { DecisionsController } from './http/decisions.controller.js';
import { SignerDecisionRow, SignerRecordRow } from './persistence/entities.js';

/** The signers' own records of what they have decided: kept, followed, shown. */
@Module({
  imports: [
    TypeOrmModule.forFeature([SignerDecisionRow, SignerRecordRow]),
    CharterModule,
    IncidentsModule,
    SignersModule,
  ],
  controllers: [DecisionsController],
  providers: [DecisionsService, RecordWatch],
  exports: [DecisionsService, RecordWatch],
})
export class DecisionsModule {}
