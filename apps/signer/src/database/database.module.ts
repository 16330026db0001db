import { Logger, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterEntry1795000000001 } from '../charter/persistence/charter-entry.migration.js';
import { readPrivateFile, type SignerConfig } from '../config.js';
import { SIGNER_CONFIG } from '../signer-config.js';
import { KeyRecord1795000000036 } from '../key-life/persistence/key-record.migration.js';
import { FrostConfirmation1795000000051 } from '../mpc/persistence/frost-confirmation.migration.js';
import { FrostGiven1795000000070 } from '../mpc/persistence/frost-given.migration.js';
import { Frost1795000000010 } from '../mpc/persistence/frost.migration.js';
import { DecisionLog1795000000003 } from '../signing/persistence/decision-log.migration.js';
import { History1795000000004 } from '../signing/persistence/history.migration.js';
import { Replacement1795000000040 } from '../signing/persistence/replacement.migration.js';
import { Signing1795000000002 } from '../signing/persistence/signing.migration.js';
import { VelocityIndexes1795000000060 } from '../signing/persistence/velocity-indexes.migration.js';

/** In the order in which they are run. */
export const MIGRATIONS = [
  CharterEntry1795000000001,
  Signing1795000000002,
  DecisionLog1795000000003,
  History1795000000004,
  Frost1795000000010,
  KeyRecord1795000000036,
  Replacement1795000000040,
  FrostConfirmation1795000000051,
  VelocityIndexes1795000000060,
  FrostGiven1795000000070,
];
/** A request waits no longer than this for a connection, a lock or an answer. */
const TIMEOUT_MS = 5_000;

/** This signer's own PostgreSQL database. It brings its tables up to date at each start. */
export const databaseModule = (): DynamicModule =>
  TypeOrmModule.forRootAsync({
    inject: [SIGNER_CONFIG],
    useFactory: ({ id, database }: SignerConfig) => ({
      type: 'postgres',
      url: databaseUrl(database.urlFile),
      applicationName: id,
      poolSize: database.poolSize,
      connectTimeoutMS: TIMEOUT_MS,
      extra: { statement_timeout: TIMEOUT_MS },
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
    }),
  });

/** An unset URL would silently mean localhost: refuse it. */
function databaseUrl(file: string): string {
  const url = readPrivateFile(file);
  if (!/^postgres(ql)?:\/\//.test(url)) throw new Error(`${file} holds no postgres:// URL`);
  return url;
}
