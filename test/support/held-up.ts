import type pg from 'pg';
import { until } from '../../apps/cli/src/story/waiting.js';

/** Does something while nobody can write to a table of this database; `then` while it is held up there. */
export async function heldUpAt(
  database: pg.Client,
  table: string,
  act: () => Promise<unknown>,
  then: () => Promise<void>,
): Promise<void> {
  await database.query('begin');
  await database.query(`lock table ${table} in exclusive mode`);
  const acting = act();
  await until(`somebody to wait for ${table}`, async () => {
    const waiting = await database.query('select 1 from pg_locks where not granted and relation = $1::regclass', [
      table,
    ]);
    return waiting.rowCount === 0 ? undefined : true;
  });
  await then();
  await database.query('rollback');
  await acting;
}
