import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SignersModule } from '../signers/signers.module.js';
import { RegistryProjection } from '../wallets/core/registry.projection.js';
import { CharterPush } from './core/charter-push.js';
import { CHARTER_PROJECTION, CharterService } from './core/charter.service.js';
import { OwnershipClaims } from './core/ownership-claims.js';
import { ProposalsService } from './core/proposals.service.js';
import { CharterController } from './http/charter.controller.js';
import { ApprovalRow, CharterEntryRow, CharterIntentRow } from './persistence/entities.js';

@Module({
  imports: [TypeOrmModule.forFeature([CharterEntryRow, CharterIntentRow, ApprovalRow]), SignersModule],
  controllers: [CharterController],
  providers: [
    { provide: CHARTER_PROJECTION, useClass: RegistryProjection },
    CharterService,
    ProposalsService,
    OwnershipClaims,
    CharterPush,
  ],
  exports: [CharterService, CharterPush],
})
export class CharterModule {}
