import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { canonicalJson, orThrow } from '@bulkhead/intent';
import {
  backUpKeys,
  keyBackupSchema,
  proveRestored,
  restoreKeys,
  type KeyStore,
  type Pkcs11Profile,
  type Progress,
} from '@bulkhead/keys';
import { openToken, readProfile } from './open-token.js';
import { Failure, readJsonFile, writeFileAtomically } from '../stack/index.js';

interface TokenFlags {
  readonly profile: string;
  readonly token: string;
  readonly pinFile: string;
}
interface BackupFlags extends TokenFlags {
  readonly wrappingKey: string;
  readonly out: string;
}
interface RestoreFlags extends TokenFlags {
  readonly backup: string;
}

const PROGRESS_EVERY_MS = 1_000;
const SOME_KEYS_STAY = 2;

const BACKUP_HELP = `
Exit status 0: all that the token holds is in the backup. 2: it is written, and something stays in the token and dies with
it: keys that were made never to leave, sealing keys, shares of MPC wallets. It is named. 1: nothing is written. Keep the
file's SHA-256 apart from it.`;
const RESTORE_HELP = `
A key that is in the token already is found again: after an interruption the same command goes on. Exit status 0: every
key of the backup has signed in the token, opened anew. 1: not so, and the error output says which and why.`;

/** `bulkhead hsm backup` and `restore`: keys from token to token, wrapped, never in the clear. */
export function addBackupCommands(hsm: Command): void {
  atToken(hsm.command('backup'))
    .description('wrap every key of a token that may leave it, into a file')
    .requiredOption('--wrapping-key <name>', 'with which wrapping key of the token')
    .requiredOption('--out <file>', 'the backup; must not be there')
    .addHelpText('after', BACKUP_HELP)
    .action(backUp);
  atToken(hsm.command('restore'))
    .description('take the keys of a backup into a token that has its wrapping key')
    .requiredOption('--backup <file>', 'the backup')
    .addHelpText('after', RESTORE_HELP)
    .action(restore);
}

const atToken = (command: Command): Command =>
  command
    .requiredOption('--profile <file>', 'the module’s profile, with "keyBackup": "wrapped"')
    .requiredOption('--token <label>', 'the label of an initialised token')
    .requiredOption('--pin-file <file>', 'the user PIN: a 0600 file');

async function backUp(flags: BackupFlags): Promise<void> {
  if (existsSync(flags.out)) throw new Failure(`${flags.out} is there already.`, 'Name another file.');
  const madeAt = new Date().toISOString();
  const backup = await withToken(flags, async (store) =>
    orThrow(await backUpKeys(store, flags.wrappingKey, madeAt, told())),
  );
  const text = `${canonicalJson(backup)}\n`;
  writeFileAtomically(flags.out, text, 0o600);
  for (const { keyId, reason } of backup.left) console.log(`stays: ${keyId} (${reason})`);
  console.log(`${flags.out}: ${backup.keys.length} keys of token ${backup.token.label}, serial ${backup.token.serial}`);
  console.log(`sha256  ${createHash('sha256').update(text).digest('hex')}\nwrapping key  ${backup.check}`);
  if (backup.left.length > 0) process.exitCode = SOME_KEYS_STAY;
}

async function restore(flags: RestoreFlags): Promise<void> {
  const backup = readJsonFile(flags.backup, 'a backup of keys', keyBackupSchema);
  const restored = await withToken(flags, async (store) => orThrow(await restoreKeys(store, backup, told())));
  // opened anew, so that nothing is believed but what the token has kept
  const serial = await withToken(flags, async (store) => {
    orThrow(await proveRestored(store, backup, told()));
    return orThrow(await store.tokenInfo()).serial;
  });
  const before = backup.keys.length - restored;
  console.log(
    `${restored} keys restored, ${before} were there; all ${backup.keys.length} have signed in token ${serial}`,
  );
}

async function withToken<T>({ profile: file, token, pinFile }: TokenFlags, work: (store: KeyStore) => Promise<T>) {
  const profile = readProfile(file);
  if (profile.keyBackup !== 'wrapped')
    throw new Failure(`${file} does not say "keyBackup": "wrapped".`, 'Keys of such a token never leave it.');
  const store = await openToken({ profile, label: token, pinFile, env: environmentOf(profile) });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The variables that the profile names, as this process has them. */
const environmentOf = ({ environment }: Pkcs11Profile): Record<string, string> =>
  Object.fromEntries(
    environment.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );

/** Says on the error output how far it is, once a second and at the end. */
function told(): Progress {
  let lastMs = 0;
  return (done, of, keyId, what) => {
    if (done < of && Date.now() - lastMs < PROGRESS_EVERY_MS) return;
    lastMs = Date.now();
    console.error(`${done} of ${of}: ${keyId} ${what}`);
  };
}
