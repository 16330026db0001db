import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { writeFileAtomically, type Part, type SignerName } from '../../apps/cli/src/stack/index.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import type { SignerStack } from './signer-stack.js';

/** Runs SQL in a signer's own database with the rights that its role has. */
export async function inDatabaseOf(firm: SignerStack, id: SignerName, ...statements: readonly string[]): Promise<void> {
  await run(firm.stack.postgres.databaseUrl(id), statements);
}

/**
 * A copy of a signer's database as it is now, in a file that its configuration can name. Nobody may be connected.
 *
 * @returns the file with the copy's URL
 */
export async function copyDatabase(firm: SignerStack, id: SignerName, name: string): Promise<string> {
  const { layout, postgres, ports } = firm.stack;
  const url = new URL(postgres.databaseUrl(id));
  const password = readFileSync(layout.postgresPassword, 'utf8').trim();
  const owner = url.username;
  const administrator = `postgres://bulkhead_admin:${password}@127.0.0.1:${ports.postgres}/postgres`;
  await run(administrator, [`create database ${name} template ${owner} owner ${owner}`]);
  url.pathname = `/${name}`;
  const file = join(layout.config, `${name}.database-url`);
  writeFileAtomically(file, url.href, 0o600);
  return file;
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A second process of a signer: same identity and token, another database. It runs in the place of signer-c. */
export async function startCopy(
  firm: SignerStack,
  id: SignerName,
  databaseUrlFile: string,
): Promise<{ readonly part: Part; readonly client: SignerClient }> {
  const { stack } = firm;
  const port = stack.ports['signer-c'];
  const own = JSON.parse(readFileSync(join(stack.layout.config, `${id}.json`), 'utf8')) as object;
  const configFile = join(stack.layout.config, `${id}-copy.json`);
  const config = {
    ...own,
    listen: { host: '127.0.0.1', port },
    door: { host: '127.0.0.1', port: stack.ports['signer-c-door'] },
    database: { urlFile: databaseUrlFile },
  };
  writeFileAtomically(configFile, JSON.stringify(config), 0o600);
  const { keyFile, certificateFile } = stack.tls.orchestrator;
  const address = { id, url: `https://127.0.0.1:${port}`, certFile: stack.tls[id].certificateFile };
  const client = new SignerClient(address, { keyFile, certFile: certificateFile }, 10_000);
  firm.clients.push(client);
  const isReady = async () => {
    const health = await client.health();
    return health.ok || !['signer.unavailable', 'signer.timeout'].includes(health.refusal.code);
  };
  return { part: await stack.spawnApp('signer-c', { configFile, isReady }), client };
}
