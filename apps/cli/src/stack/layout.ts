import { join } from 'node:path';
import type { AppName, PartName, SignerName } from './names.js';

/** Where everything of one stack lies below its root. The one place that knows file names. */
export interface Layout {
  readonly root: string;
  readonly launcherLock: string;
  readonly stackFile: string;
  readonly logs: string;
  readonly postgres: string;
  readonly bitcoind: string;
  readonly anvil: string;
  readonly tls: string;
  readonly members: string;
  readonly config: string;
  readonly genesis: string;
  /** 0600 file with the password of the database server's administrator. */
  readonly postgresPassword: string;
  /** 0600 file with an app's database password. */
  databasePassword(app: AppName): string;
  /** 0600 file `user:password` for bitcoind's RPC, in the form of Bitcoin Core's own cookie file. */
  readonly bitcoinCredentials: string;
  token(signer: SignerName): string;
  logFile(part: PartName): string;
  /** Who the running process of a part is, to find it again should we be killed. */
  processFile(part: PartName): string;
}

/** @param root the stack's state folder, absolute */
export function layoutOf(root: string): Layout {
  return {
    root,
    launcherLock: join(root, 'launcher.lock'),
    stackFile: join(root, 'stack.json'),
    logs: join(root, 'logs'),
    postgres: join(root, 'postgres'),
    bitcoind: join(root, 'bitcoind'),
    anvil: join(root, 'anvil'),
    tls: join(root, 'tls'),
    members: join(root, 'members'),
    config: join(root, 'config'),
    genesis: join(root, 'genesis.json'),
    postgresPassword: join(root, 'secrets', 'postgres.password'),
    databasePassword: (app) => join(root, 'secrets', `${app}.database-password`),
    bitcoinCredentials: join(root, 'secrets', 'bitcoind.credentials'),
    token: (signer) => join(root, 'tokens', signer),
    logFile: (part) => join(root, 'logs', `${part}.log`),
    processFile: (part) => join(root, 'run', `${part}.json`),
  };
}
