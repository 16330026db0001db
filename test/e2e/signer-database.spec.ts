import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { startStack, type Stack } from '../../apps/cli/src/stack/index.js';
import { CharterEntryRow } from '../../apps/signer/src/charter/persistence/charter-entry.entity.js';
import { FrostLockRow } from '../../apps/signer/src/mpc/persistence/frost-lock.entity.js';
import { FrostNoncesRow } from '../../apps/signer/src/mpc/persistence/frost-nonces.entity.js';
import { FrostShareRow } from '../../apps/signer/src/mpc/persistence/frost-share.entity.js';
import { KeyRecordRow } from '../../apps/signer/src/key-life/persistence/key-record.entity.js';
import { ObjectionRow } from '../../apps/signer/src/objections/persistence/objection.entity.js';
import { PeerSpendRow } from '../../apps/signer/src/peers/persistence/peer-spend.entity.js';
import { CommitmentRow } from '../../apps/signer/src/signing/persistence/commitment.entity.js';
import { DecisionRow } from '../../apps/signer/src/signing/persistence/decision.entity.js';
import { SignatureRow } from '../../apps/signer/src/signing/persistence/signature.entity.js';
import { SpendRow } from '../../apps/signer/src/signing/persistence/spend.entity.js';
import { TentativeRow } from '../../apps/signer/src/signing/persistence/tentative.entity.js';
import { MIGRATIONS } from '../../apps/signer/src/database/database.module.js';

jest.setTimeout(60_000);

const ENTITIES = [
  CharterEntryRow,
  FrostLockRow,
  FrostNoncesRow,
  FrostShareRow,
  KeyRecordRow,
  ObjectionRow,
  PeerSpendRow,
  CommitmentRow,
  DecisionRow,
  SignatureRow,
  SpendRow,
  TentativeRow,
];
let folder: string;
let stack: Stack;
let database: DataSource;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-signer-database-'));
  stack = await startStack({ root: folder, only: ['postgres'] });
  database = new DataSource({
    type: 'postgres',
    url: stack.postgres.databaseUrl('signer-a'),
    installExtensions: false,
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
  });
  await database.initialize();
});
afterAll(async () => {
  await database.destroy();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

const names = async (sql: string): Promise<string[]> =>
  (await database.query<{ name: string }[]>(sql)).map(({ name }) => name).sort();
const tables = () => names(`select tablename as name from pg_tables where schemaname = 'public'`);
const functions = () => names(`select proname as name from pg_proc where pronamespace = 'public'::regnamespace`);
const columns = (table: string) =>
  names(
    `select column_name || ':' || is_nullable as name from information_schema.columns where table_name = '${table}'`,
  );

describe('a signer’s database', () => {
  it('has the columns that the entities say', async () => {
    await database.runMigrations();
    for (const entity of ENTITIES) {
      const { tableName, columns: mapped } = database.getMetadata(entity);
      const expected = mapped.map((column) => `${column.databaseName}:${column.isNullable ? 'YES' : 'NO'}`);
      expect(await columns(tableName)).toEqual(expected.sort());
    }
  });

  it('goes back exactly, and forward again', async () => {
    const before = [await tables(), await functions()];
    for (let left = database.migrations.length; left > 0; left -= 1) await database.undoLastMigration();
    expect([await tables(), await functions()]).toEqual([['migrations'], []]);
    await database.runMigrations();
    expect([await tables(), await functions()]).toEqual(before);
  });
});
