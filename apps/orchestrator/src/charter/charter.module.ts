import { Module } from '@nestjs/common';
import { SignersModule } from '../signers/signers.module.js';
import { RegistryProjection } from '../wallets/core/registry.projection.js';
import { CharterPush } from './core/charter-push.js';
import { CHARTER_PROJECTION, CharterService } from './core/charter.service.js';
import { ProposalsService } from './core/proposals.service.js';
import { CharterController } from './http/charter.controller.js';

@Module({
  imports: [SignersModule],
  controllers: [CharterController],
  providers: [
    { provide: CHARTER_PROJECTION, useClass: RegistryProjection },
    CharterService,
    ProposalsService,
    CharterPush,
  ],
  exports: [CharterService, CharterPush],
})
export class CharterModule {}
