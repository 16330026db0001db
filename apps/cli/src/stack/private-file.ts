import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { Failure } from '#bootstrap/failure.mjs';

/**
 * The bytes of a small secret in a file: regular, no symbolic link, readable by its owner only. It is the
 * open file that is asked, so that it cannot be another one by then. @throws Failure when it is anything else
 */
export function readPrivateFile(file: string, mostBytes = 4_096): Buffer {
  const descriptor = opened(file);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || (stats.mode & 0o077) !== 0 || stats.size > mostBytes)
      throw new Failure(`${file} must be a small file that only its owner may read.`, 'Run chmod 600 on it.');
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function opened(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new Failure(`${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
  }
}
