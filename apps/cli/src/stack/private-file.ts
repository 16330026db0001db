import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { Failure } from '#bootstrap/failure.mjs';
import { whyUnreadable } from './input-file.js';

const MOST_BYTES = 16_384;

/**
 * The bytes of a small file with a secret, which only its owner may read; looked at on the open descriptor, so that it
 * cannot be exchanged in between. The caller wipes them.
 *
 * @param what it should be, with its article
 * @throws Failure which file, why not, and what to do
 */
export function readPrivateFile(file: string, what: string): Buffer {
  return withPrivateFile(file, what, (descriptor) => readFileSync(descriptor));
}

/** The same without reading it. */
export function requirePrivateFile(file: string, what: string): void {
  withPrivateFile(file, what, () => undefined);
}

function withPrivateFile<T>(file: string, what: string, work: (descriptor: number) => T): T {
  const descriptor = openFile(file, what);
  try {
    const state = fstatSync(descriptor);
    if (!state.isFile() || (state.mode & 0o077) !== 0 || state.size > MOST_BYTES)
      throw new Failure(
        `${file} must be a small file that only its owner may read.`,
        'Run chmod 600 on it; mount a stick without file modes with umask=077.',
      );
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function openFile(file: string, what: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${whyUnreadable(error)}.`, `Name a file that holds ${what}.`);
  }
}
