import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Failure } from '#bootstrap/failure.mjs';
import { keptSecret } from './files.js';
import type { AppName } from './names.js';
import { createAppDatabases } from './postgres-databases.js';
import { findPostgresBinaries, majorVersionOf } from './postgres-binaries.js';
import { ProcessPart, type Part, type PartSurroundings } from './process-part.js';
import { asUser, unprivilegedUser, type UnprivilegedUser } from './unprivileged-user.js';

const run = promisify(execFile);
const ADMINISTRATOR = 'bulkhead_admin';

/** The stack's database server, with one database and one plain login role for each app. */
export interface Postgres {
  /** The server's process; undefined when DATABASE_URL names a server of somebody else's. */
  readonly part: Part | undefined;
  /** @returns the app's own connection URL, password included: for 0600 files only */
  databaseUrl(app: AppName): string;
}

export interface PostgresOptions {
  readonly port: number;
  /** A server to use instead of one of our own: the URL of a role that may create roles and databases. */
  readonly databaseUrl?: string | undefined;
}

/** Starts the server (or connects to the given one) and makes the apps' databases and roles. Idempotent. */
export async function startPostgres(options: PostgresOptions, around: PartSurroundings): Promise<Postgres> {
  const { layout } = around;
  const part = options.databaseUrl ? undefined : serverPart(options.port, around);
  await part?.start();
  const administratorUrl =
    options.databaseUrl ??
    `postgres://${ADMINISTRATOR}:${keptSecret(layout.postgresPassword)}@127.0.0.1:${options.port}/postgres`;
  try {
    const urls = await createAppDatabases({ administratorUrl, ownServer: part !== undefined, layout });
    return { part, databaseUrl: (app) => urls[app] };
  } catch (error) {
    await part?.stop();
    throw error;
  }
}

function serverPart(port: number, around: PartSurroundings): Part {
  const dataFolder = around.layout.postgres;
  const binaries = findPostgresBinaries(dataFolder);
  const user = unprivilegedUser([dataFolder, binaries]);
  return new ProcessPart(
    {
      name: 'postgres',
      port,
      command: join(binaries, 'postgres'),
      args: ['-D', dataFolder, '-p', String(port), '--listen_addresses=127.0.0.1', '--unix_socket_directories='],
      user,
      stopSignal: 'SIGINT', // "fast shutdown": ends sessions, writes a checkpoint
      stopTimeoutMs: 20_000,
      readyTimeoutMs: 60_000, // recovery after a SIGKILL included
      prepare: () => makeCluster(dataFolder, binaries, user, around),
      startAttempts: 6, // after a SIGKILL, the server's own children may need a moment to notice and end
      // the server writes its process number to line 1 of its pid file, its state to line 8
      isReady: async (pid) => {
        const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
        return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
      },
    },
    around,
  );
}

/** Makes the data folder at the first start: SCRAM passwords only, checksums on. A half-made one is made again. */
async function makeCluster(
  dataFolder: string,
  binaries: string,
  user: UnprivilegedUser | undefined,
  { layout, log }: PartSurroundings,
): Promise<void> {
  if (majorVersionOf(dataFolder) !== undefined) return;
  const draft = `${dataFolder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  const passwordFolder = mkdtempSync(join(tmpdir(), 'bulkhead-'));
  const passwordFile = join(passwordFolder, 'password');
  writeFileSync(passwordFile, keptSecret(layout.postgresPassword), { mode: 0o600 });
  if (user) for (const path of [draft, passwordFolder, passwordFile]) chownSync(path, user.uid, user.gid);
  const identity = ['-U', ADMINISTRATOR, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'];
  const form = ['-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums', '--no-sync'];
  log('postgres: making a new database cluster');
  try {
    const { command, args } = asUser({
      command: join(binaries, 'initdb'),
      args: ['-D', draft, ...identity, ...form],
      user,
    });
    await run(command, args, { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' } });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? String(error);
    throw new Failure(
      `initdb failed:\n${said.trim()}`,
      /No space left/.test(said) ? 'The disk is full: free some space.' : undefined,
    );
  } finally {
    rmSync(passwordFolder, { recursive: true, force: true });
  }
  // initdb writes PG_VERSION early: only a finished cluster gets the name
  rmSync(dataFolder, { recursive: true, force: true });
  renameSync(draft, dataFolder);
}
