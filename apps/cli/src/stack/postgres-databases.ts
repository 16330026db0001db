import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { Failure } from '#bootstrap/failure.mjs';
import { keptSecret } from './files.js';
import type { Layout } from './layout.js';
import { EVERY_APP, type AppName } from './names.js';

interface ServerAccess {
  /** A role that may create roles and databases. */
  readonly administratorUrl: string;
  /** Our own server, all of which is ours to close; else others may live on it. */
  readonly ownServer: boolean;
  readonly layout: Layout;
}

/**
 * Makes one database and one plain login role (no superuser, no rights beyond its database) for each app. No role can
 * connect to the database of another.
 * @returns each app's connection URL, password included
 */
export async function createAppDatabases(access: ServerAccess): Promise<Record<AppName, string>> {
  const { administratorUrl, ownServer } = access;
  const client = new pg.Client({ connectionString: administratorUrl, connectionTimeoutMillis: 10_000 });
  await client.connect().catch((error: unknown) => {
    throw new Failure(
      `The database server does not let us in: ${error instanceof Error ? error.message : String(error)}`,
      ownServer
        ? 'See its log, or start afresh: npm run reset'
        : 'Check DATABASE_URL, or unset it to have a server of our own.',
    );
  });
  try {
    if (ownServer) await closeToOthers(client);
    const urls: Partial<Record<AppName, string>> = {};
    for (const app of EVERY_APP) urls[app] = await createAppDatabase(client, app, access);
    return urls as Record<AppName, string>;
  } finally {
    await client.end();
  }
}

/** Databases that every server has: our apps have no business there. */
async function closeToOthers(client: pg.Client): Promise<void> {
  await client.query('REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC');
}

async function createAppDatabase(client: pg.Client, app: AppName, access: ServerAccess): Promise<string> {
  const name = `${namePrefix(access)}${app.replace('-', '_')}`;
  const passwordFile = access.layout.databasePassword(app);
  const isNew = !existsSync(passwordFile);
  const { rowCount: found } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  if (isNew && found) {
    throw new Failure(
      `The server has a database ${name} already, of an earlier state whose keys are gone.`,
      `Drop it if nobody needs it (DROP DATABASE ${name}), then run the same command again.`,
    );
  }
  const password = keptSecret(passwordFile);
  const role = client.escapeIdentifier(name);
  const { rowCount: hasRole } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  // utility statements take no parameters; the password is base64url, and quoted all the same
  const signIn = `LOGIN PASSWORD ${client.escapeLiteral(password)}`;
  const rights = 'NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION';
  await client.query(hasRole ? `ALTER ROLE ${role} ${signIn}` : `CREATE ROLE ${role} ${rights} ${signIn}`);
  if (!found) {
    await client.query(`GRANT ${role} TO CURRENT_USER`); // to make it the owner without being superuser
    await client.query(`CREATE DATABASE ${role} OWNER ${role} TEMPLATE template0 ENCODING 'UTF8'`);
  }
  await client.query(`REVOKE ALL ON DATABASE ${role} FROM PUBLIC`);
  const url = new URL(access.administratorUrl);
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}

/** On a server of somebody else's, each stack has names of its own, told by its root. */
function namePrefix({ ownServer, layout }: ServerAccess): string {
  return ownServer ? '' : `bulkhead_${createHash('sha256').update(layout.root).digest('hex').slice(0, 8)}_`;
}
