import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { DecisionSeal } from './core/decision-seal.js';
import { HardLimits } from './core/hard-limits.js';
import { LocalFreeze } from './core/local-freeze.js';
import { SigningService } from './core/signing.service.js';
import { SigningController } from './http/signing.controller.js';
import { CommitmentRow } from './persistence/commitment.entity.js';
import { DecisionLog } from './persistence/decision-log.js';
import { DecisionRow } from './persistence/decision.entity.js';
import { SignatureRow } from './persistence/signature.entity.js';
import { SigningRecords } from './persistence/signing-records.js';
import { SpendRow } from './persistence/spend.entity.js';

/** May these bytes be signed? Decide, record, sign: in this order. */
@Module({
  imports: [
    TypeOrmModule.forFeature([DecisionRow, CommitmentRow, SignatureRow, SpendRow]),
    CharterModule,
    KeysModule,
    TokenMemoryModule,
  ],
  controllers: [SigningController],
  providers: [SigningService, SigningRecords, DecisionLog, DecisionSeal, HardLimits, LocalFreeze],
  exports: [LocalFreeze, SigningService],
})
export class SigningModule {}
