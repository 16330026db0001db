import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { SigningService } from './core/signing.service.js';
import { SigningController } from './http/signing.controller.js';
import { CommitmentRow } from './persistence/commitment.entity.js';
import { DecisionRow } from './persistence/decision.entity.js';
import { SignatureRow } from './persistence/signature.entity.js';
import { SigningRecords } from './persistence/signing-records.js';

/** May these bytes be signed? Decide, record, sign: in this order. */
@Module({
  imports: [TypeOrmModule.forFeature([DecisionRow, CommitmentRow, SignatureRow]), CharterModule, KeysModule],
  controllers: [SigningController],
  providers: [SigningService, SigningRecords],
})
export class SigningModule {}
