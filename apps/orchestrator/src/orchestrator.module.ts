import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { ChainsModule } from './chains/chains.module.js';
import { CharterModule } from './charter/charter.module.js';
import { StartsGuard } from './charter/http/starts.js';
import { CONFIG, type Config } from './config.js';
import { DatabaseModule } from './database/database.module.js';
import { DecisionsModule } from './decisions/decisions.module.js';
import { DepositsModule } from './deposits/deposits.module.js';
import { DestinationsModule } from './destinations/destinations.module.js';
import { GasModule } from './gas/gas.module.js';
import { HealthModule } from './health/health.module.js';
import { BearerGuard } from './http/bearer.guard.js';
import { IdempotencyInterceptor } from './http/idempotency.interceptor.js';
import { UndeclaredInputGuard } from './http/undeclared-input.guard.js';
import { IncidentsModule } from './incidents/incidents.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { KeysModule } from './keys/keys.module.js';
import { KitsModule } from './kits/kits.module.js';
import { LedgerModule } from './ledger/ledger.module.js';
import { ReconciliationModule } from './ledger/reconciliation.module.js';
import { PasskeysModule } from './passkeys/passkeys.module.js';
import { PoliciesModule } from './policies/policies.module.js';
import { SignersModule } from './signers/signers.module.js';
import { Startup } from './startup.js';
import { TransfersModule } from './transfers/transfers.module.js';
import { MpcModule } from './mpc/mpc.module.js';
import { WalletsModule } from './wallets/wallets.module.js';

@Global()
@Module({})
class ConfigModule {
  static with(config: Config): DynamicModule {
    return { module: ConfigModule, providers: [{ provide: CONFIG, useValue: config }], exports: [CONFIG] };
  }
}

/** The orchestrator: API and workflow. It holds no key, and no signer believes it. */
@Module({})
export class OrchestratorModule {
  static with(config: Config): DynamicModule {
    return {
      module: OrchestratorModule,
      imports: [
        ConfigModule.with(config),
        DatabaseModule,
        JobsModule,
        ChainsModule.register(config.chains),
        SignersModule,
        CharterModule,
        DecisionsModule,
        PasskeysModule,
        MpcModule,
        WalletsModule,
        KeysModule,
        KitsModule,
        LedgerModule,
        IncidentsModule,
        DepositsModule,
        ReconciliationModule,
        GasModule,
        TransfersModule,
        DestinationsModule,
        PoliciesModule,
        HealthModule,
      ],
      providers: [
        { provide: APP_GUARD, useClass: BearerGuard },
        { provide: APP_GUARD, useClass: UndeclaredInputGuard },
        { provide: APP_GUARD, useClass: StartsGuard },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        Startup,
      ],
    };
  }
}
