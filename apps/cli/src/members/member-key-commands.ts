import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { p256PublicKey, type MemberKey } from '@bulkhead/approval';
import { slugSchema } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import { askHidden } from '../terminal/ask-hidden.js';

const LEAST_BYTES = 12;

interface NewOptions {
  readonly out: string;
  readonly id: string;
  readonly passphrase: boolean;
}

const HELP = `
The public key is printed as a genesis, a plan or the act member-key.enrol takes it. The file is read by bulkhead ceremony
and bulkhead recover; it is 0600, and an encrypted one asks for its passphrase there.`;

/** `bulkhead member-key`: a member's key for ceremonies and recoveries, made on the member's own machine. */
export function addMemberKeyCommands(program: Command): void {
  program
    .command('member-key')
    .description('a member’s own key in a file')
    .command('new')
    .description('make a P-256 key, and print its public key')
    .requiredOption('--out <file>', 'the private key, PEM; must not be there')
    .requiredOption('--id <id>', 'by which the charter is to name the key, for example olivia-cold')
    .option('--passphrase', 'encrypt it under a passphrase, typed at the terminal', false)
    .addHelpText('after', HELP)
    .action(newKey);
}

async function newKey({ out, id, passphrase }: NewOptions): Promise<void> {
  if (!slugSchema.safeParse(id).success)
    throw new Failure(`${id} is no id of a key.`, 'Lower-case letters, digits and hyphens.');
  if (existsSync(out)) throw new Failure(`${out} is there already.`, 'Name another file: a key is never overwritten.');
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  writeNew(out, passphrase ? await encrypted(privateKey) : privateKey);
  const key: MemberKey = { id, scheme: 'p256', publicKey: p256PublicKey(privateKey) };
  console.log(JSON.stringify(key));
}

/** PKCS #8 (RFC 5958), under a passphrase that is typed twice. */
async function encrypted(pem: string): Promise<string> {
  const chosen = await askHidden(`  passphrase, ${LEAST_BYTES} bytes at least: `);
  const again = await askHidden('  the same once more: ');
  try {
    if (Buffer.compare(chosen, again) !== 0) throw new Failure('The two passphrases differ.', 'No key is kept.');
    if (chosen.length < LEAST_BYTES) throw new Failure('The passphrase is too short.', 'No key is kept.');
    return createPrivateKey(pem)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: chosen })
      .toString();
  } finally {
    chosen.fill(0);
    again.fill(0);
  }
}

/** @throws the system's error when something is there */
function writeNew(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
}
