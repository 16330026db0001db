import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, readPrivateFile } from '../../stack/index.js';

const MOST_BYTES = 1_024;
const [ENTER, RETURN, INTERRUPT, END, DELETE, BACKSPACE] = [0x0a, 0x0d, 0x03, 0x04, 0x7f, 0x08];

/**
 * Where custodians' passphrases come from: their keyboard, or in rehearsals a folder. Never an argument or the environment,
 * which others on the machine can read. Whoever asked wipes what they get.
 */
export interface Passphrases {
  /** The passphrase of a custodian; undefined when they are not here. `chosen` now, it is asked for twice. */
  readonly of: (custodian: string, chosen: boolean) => Promise<Uint8Array | undefined>;
}

/** Rehearsals and tests: `<custodian>.passphrase`, each a file that only its owner may read. */
export const passphrasesOfFolder = (folder: string): Passphrases => ({
  of: (custodian) => {
    const file = join(folder, `${custodian}.passphrase`);
    return Promise.resolve(existsSync(file) ? readPassphrase(file) : undefined);
  },
});

function readPassphrase(file: string): Uint8Array {
  const bytes = readPrivateFile(file, MOST_BYTES);
  return bytes.at(-1) === ENTER ? bytes.subarray(0, -1) : bytes;
}

/** At the terminal, without an echo. An empty answer means that the custodian is not here. */
export const passphrasesAtTerminal = (): Passphrases => ({
  of: async (custodian, chosen) => {
    if (!process.stdin.isTTY)
      throw new Failure('Passphrases are typed at a terminal.', 'In a rehearsal, give --passphrases <folder>.');
    const given = await askHidden(`  ${custodian}: passphrase of your share (nothing: not here): `);
    if (given.length === 0) return undefined;
    if (!chosen) return given;
    const again = await askHidden(`  ${custodian}: the same once more: `);
    const same = Buffer.compare(given, again) === 0;
    again.fill(0);
    if (same) return given;
    given.fill(0);
    throw new Failure(`The two passphrases of ${custodian} differ.`, 'The same command asks again.');
  },
});

/** Reads a line of bytes from the terminal, which shows none of it. */
async function askHidden(question: string): Promise<Buffer> {
  const { stdin, stdout } = process;
  stdin.setRawMode(true); // before the question: whoever is quick is not echoed either
  stdin.resume();
  stdout.write(question);
  const line = Buffer.alloc(MOST_BYTES);
  let length = 0;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const typed = (chunk: Buffer): void => {
        for (const byte of chunk) {
          if (byte === ENTER || byte === RETURN || byte === END || byte === INTERRUPT) {
            stdin.off('data', typed);
            if (byte === INTERRUPT) reject(new Failure('Interrupted at a passphrase.'));
            else resolve(Buffer.from(line.subarray(0, length)));
            return;
          }
          if (byte === DELETE || byte === BACKSPACE) length = Math.max(0, length - 1);
          else if (length < MOST_BYTES) line[length++] = byte;
        }
        chunk.fill(0);
      };
      stdin.on('data', typed);
    });
  } finally {
    line.fill(0);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write('\n');
  }
}
