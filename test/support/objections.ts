import pg from 'pg';
import type { SignerName, Stack } from '../../apps/cli/src/stack/index.js';

/** What a signer keeps of members' objections, each as `<digest of the intent> <decision>`: read in its database. */
export async function objectionsAt({ postgres }: Pick<Stack, 'postgres'>, signer: SignerName): Promise<string[]> {
  const database = new pg.Client({ connectionString: postgres.databaseUrl(signer) });
  await database.connect();
  try {
    const { rows } = await database.query<{ said: string }>(
      `select intent_digest || ' ' || decision as said from objection`,
    );
    return rows.map(({ said }) => said);
  } finally {
    await database.end();
  }
}
