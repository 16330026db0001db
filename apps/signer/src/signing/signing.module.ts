import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { ObjectionsModule } from '../objections/objections.module.js';
import { PeersModule } from '../peers/peers.module.js';
import { GasDecider } from './core/gas-decider.js';
import { HardLimits } from './core/hard-limits.js';
import { LocalFreeze } from './core/local-freeze.js';
import { Standing } from './core/standing.js';
import { SigningService } from './core/signing.service.js';
import { TransferDecider } from './core/transfer-decider.js';
import { DecisionsController } from './http/decisions.controller.js';
import { SigningController } from './http/signing.controller.js';
import { CommitmentRow } from './persistence/commitment.entity.js';
import { DecisionLog } from './persistence/decision-log.js';
import { DecisionRow } from './persistence/decision.entity.js';
import { SignatureRow } from './persistence/signature.entity.js';
import { SigningRecords } from './persistence/signing-records.js';
import { SpendHistory } from './persistence/spend-history.js';
import { SpendRow } from './persistence/spend.entity.js';
import { TentativeRow } from './persistence/tentative.entity.js';
import { Tentatives } from './persistence/tentatives.js';

/** May these bytes be signed? Decide, record, sign: in this order. */
@Module({
  imports: [
    TypeOrmModule.forFeature([DecisionRow, CommitmentRow, SignatureRow, SpendRow, TentativeRow]),
    CharterModule,
    KeysModule,
    ObjectionsModule,
    PeersModule,
    TokenMemoryModule,
  ],
  controllers: [SigningController, DecisionsController],
  providers: [
    SigningService,
    TransferDecider,
    GasDecider,
    Standing,
    SigningRecords,
    SpendHistory,
    Tentatives,
    DecisionLog,
    HardLimits,
    LocalFreeze,
  ],
  exports: [LocalFreeze, Standing, DecisionLog, SigningService, Tentatives],
})
export class SigningModule {}
