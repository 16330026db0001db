import { Logger } from '@nestjs/common';
import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import { Charter1795000000001 } from '../charter/persistence/migration.js';
import type { Config } from '../config.js';
import { SignerRecords1795000000015 } from '../decisions/persistence/migration.js';
import { ChainFollowing1795000000004 } from '../deposits/persistence/migration.js';
import { IdempotencyKeys1795000000006 } from '../http/migration.js';
import { IncidentLife1795000000013 } from '../incidents/persistence/migration.js';
import { Ledger1795000000003 } from '../ledger/persistence/migration.js';
import { AttestationCertificates1795000000011 } from '../passkeys/persistence/attestation-certificates.migration.js';
import { Passkeys1795000000007 } from '../passkeys/persistence/migration.js';
import { Evidence1795000000012 } from '../transfers/persistence/evidence.migration.js';
import { OwnerSwap1795000000037 } from '../transfers/persistence/owner-swap.migration.js';
import { VelocityIndexes1795000000061 } from '../transfers/persistence/velocity-indexes.migration.js';
import { PayloadId1795000000014 } from '../transfers/persistence/payload-id.migration.js';
import { SignerDecision1795000000009 } from '../transfers/persistence/signer-decision.migration.js';
import { Transfers1795000000005 } from '../transfers/persistence/migration.js';
import { MpcWallets1795000000020 } from '../wallets/persistence/mpc-wallets.migration.js';
import { Registry1795000000002 } from '../wallets/persistence/migration.js';
import { readDatabaseUrl } from './database-url.js';

export const MIGRATIONS = [
  Charter1795000000001,
  Registry1795000000002,
  Ledger1795000000003,
  ChainFollowing1795000000004,
  Transfers1795000000005,
  IdempotencyKeys1795000000006,
  Passkeys1795000000007,
  SignerDecision1795000000009,
  AttestationCertificates1795000000011,
  Evidence1795000000012,
  IncidentLife1795000000013,
  PayloadId1795000000014,
  SignerRecords1795000000015,
  MpcWallets1795000000020,
  OwnerSwap1795000000037,
  VelocityIndexes1795000000061,
];

/** The orchestrator's own database, as its own plain role. It brings its tables up to date at each start. */
export const databaseOptions = ({ database }: Config): TypeOrmModuleOptions => ({
  type: 'postgres',
  url: readDatabaseUrl(database.urlFile),
  applicationName: 'bulkhead-orchestrator',
  poolSize: database.poolSize,
  connectTimeoutMS: 5_000,
  extra: { statement_timeout: 60_000 },
  installExtensions: false,
  autoLoadEntities: true,
  synchronize: false,
  migrations: MIGRATIONS,
  migrationsRun: true,
  retryAttempts: 5,
  retryDelay: 1_000,
  // idle connections break when the server restarts; the next request opens new ones
  poolErrorHandler: (error: unknown) => {
    new Logger('database').warn(`connection lost: ${error instanceof Error ? error.message : 'unknown'}`);
  },
});
