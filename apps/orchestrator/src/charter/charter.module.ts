import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { IncidentProjection } from '../incidents/core/incident.projection.js';
import { SignersModule } from '../signers/signers.module.js';
import { RegistryProjection } from '../wallets/core/registry.projection.js';
import { CharterCatchUp } from './core/charter-catch-up.js';
import { CharterPush } from './core/charter-push.js';
import { CHARTER_PROJECTIONS, CharterService } from './core/charter.service.js';
import { KeyClaims } from './core/key-claims.js';
import { OwnershipClaims } from './core/ownership-claims.js';
import { ProposalsService } from './core/proposals.service.js';
import { SwapClaims } from './core/swap-claims.js';
import { CharterController } from './http/charter.controller.js';
import { ApprovalRow, CharterEntryRow, CharterIntentRow } from './persistence/entities.js';

@Module({
  imports: [TypeOrmModule.forFeature([CharterEntryRow, CharterIntentRow, ApprovalRow]), SignersModule, IncidentsModule],
  controllers: [CharterController],
  providers: [
    RegistryProjection,
    IncidentProjection,
    {
      provide: CHARTER_PROJECTIONS,
      inject: [RegistryProjection, IncidentProjection],
      useFactory: (registry: RegistryProjection, incidents: IncidentProjection) => [registry, incidents],
    },
    CharterService,
    CharterCatchUp,
    ProposalsService,
    KeyClaims,
    OwnershipClaims,
    SwapClaims,
    CharterPush,
  ],
  exports: [CharterService, CharterCatchUp, CharterPush, ProposalsService, SwapClaims],
})
export class CharterModule {}
