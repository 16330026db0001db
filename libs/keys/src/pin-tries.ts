import { accessSync, constants, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from './pin-file.js';

/** Fewer than the wrong PINs after which an HSM locks its user out (mostly 3 to 10, and never undone by software). */
export const MOST_WRONG_PINS = 3;

/** Where the tries with the PIN of a file are counted. */
export const pinTriesFile = (pinFile: string): string => `${pinFile}.wrong-tries`;

/**
 * Counts the tries to log in that came to nothing and may each have been a wrong PIN to the token, in a small file beside
 * the PIN file, since not every module keeps count and none tells how many are left. After {@link MOST_WRONG_PINS} no
 * start tries. The process that logs in counts before it does, so that no end of it loses a try. A right PIN takes the
 * count back; until then only a person does, by deleting the file.
 */
export class PinTries {
  constructor(readonly file: string) {}

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

  /** To be called before a login. Throws when the try cannot be counted: then it must not be made. */
  begin(): void {
    this.keep(this.count() + 1);
  }

  /** The try that was begun was certainly no wrong PIN. */
  takeBack(): void {
    const count = this.count() - 1;
    if (count > 0) this.keep(count);
    else this.forget();
  }

  forget(): void {
    rmSync(this.file, { force: true });
  }

  private keep(count: number): void {
    writeFileSync(this.file, `${count}\n`, { mode: 0o600, flush: true });
  }
}
