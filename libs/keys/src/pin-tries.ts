import { accessSync, constants, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from './pin-file.js';

/** Fewer than the wrong PINs after which an HSM locks its user out (mostly 3 to 10, and never undone by software). */
export const MOST_WRONG_PINS = 3;

/**
 * Counts the wrong PINs that a token was given, in a small file beside the PIN file, since not every module keeps count
 * and none tells how many are left. A start of the key store tries once; after {@link MOST_WRONG_PINS} no start tries.
 * A right PIN takes the count back; until then only a person does, by deleting the file.
 */
export class PinTries {
  readonly file: string;

  constructor(pinFile: string) {
    this.file = `${pinFile}.wrong-tries`;
  }

  /** A count that cannot be read is taken as the highest. */
  count(): number {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8').trim();
    } catch (error) {
      return systemErrorCode(error) === 'ENOENT' ? 0 : MOST_WRONG_PINS;
    }
    return /^[0-9]{1,3}$/.test(text) ? Number.parseInt(text, 10) : MOST_WRONG_PINS;
  }

  exhausted(): boolean {
    return this.count() >= MOST_WRONG_PINS;
  }

  /** No PIN may be tried whose failure could not be counted: on a read-only disk, each start would be the first. */
  canBeKept(): boolean {
    try {
      accessSync(dirname(this.file), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  addWrong(): number {
    const count = this.count() + 1;
    writeFileSync(this.file, `${count}\n`, { mode: 0o600, flush: true });
    return count;
  }

  forget(): void {
    rmSync(this.file, { force: true });
  }
}
