import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, readPrivateFile } from '../../stack/index.js';
import { askHidden } from '../../terminal/ask-hidden.js';

const LINE_FEED = 0x0a;

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
    return Promise.resolve(existsSync(file) ? passphraseIn(file) : undefined);
  },
});

/** One trailing line break is not part of it. */
function passphraseIn(file: string): Uint8Array {
  const bytes = readPrivateFile(file, 'a passphrase');
  return bytes.at(-1) === LINE_FEED ? bytes.subarray(0, -1) : bytes;
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
