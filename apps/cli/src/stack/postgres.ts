import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
  const user = unprivilegedUser();
  return new ProcessPart(
    {
      name: 'postgres',
      port,
      command: join(findPostgresBinaries(dataFolder), 'postgres'),
      args: [
        '-D',
        dataFolder,
        '-p',
        String(port),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'unix_socket_directories=',
      ],
      ...(user ? { user: { ...user, reachAnyPath: true } } : {}),
      stopSignal: 'SIGINT', // "fast shutdown": ends sessions, writes a checkpoint
      stopTimeoutMs: 20_000,
      readyTimeoutMs: 60_000, // recovery after a SIGKILL included
      prepare: () => makeCluster(dataFolder, around),
      // the server writes its state to line 8 of its pid file
      isReady: async () => {
        const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
        return lines[7]?.trim() === 'ready';
      },
    },
    around,
  );
}

/** Makes the data folder at the first start: SCRAM passwords only, checksums on. A half-made one is made again. */
async function makeCluster(dataFolder: string, { layout, log }: PartSurroundings): Promise<void> {
  if (majorVersionOf(dataFolder) !== undefined) return;
  const user = unprivilegedUser();
  const draft = `${dataFolder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  const passwordFolder = mkdtempSync(join(tmpdir(), 'bulkhead-'));
  const passwordFile = join(passwordFolder, 'password');
  writeFileSync(passwordFile, keptSecret(layout.postgresPassword), { mode: 0o600 });
  if (user) for (const path of [draft, passwordFolder, passwordFile]) chownSync(path, user.uid, user.gid);
  const args = ['-D', draft, '-U', ADMINISTRATOR, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-E', 'UTF8'];
  const binary = join(findPostgresBinaries(dataFolder), 'initdb');
  log('postgres: making a new database cluster');
  try {
    const [command, ...rest] = asUser(user, [binary, ...args, '--locale=C.UTF-8', '--data-checksums', '--no-sync']);
    await run(command, rest, { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' } });
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

function asUser(user: { uid: number; gid: number } | undefined, command: string[]): [string, ...string[]] {
  if (!user) return command as [string, ...string[]];
  const caps = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', ...caps, '--', ...command];
}

/** PostgreSQL refuses to run as root: then `postgres`, if the machine has that user, else `nobody`. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number.parseInt(uid, 10), gid: Number.parseInt(gid, 10) };
  }
  throw new Failure(
    'PostgreSQL does not run as root, and this machine has no user "postgres" or "nobody".',
    'Run as another user.',
  );
}
