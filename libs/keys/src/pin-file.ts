import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { accepted, refused, type Result } from '@bulkhead/intent';

/**
 * Opens a PIN file for a module host to inherit: the host reads the PIN from the descriptor, so that it never enters the
 * memory of this process, which talks to the network. The caller closes the descriptor once the host is started.
 *
 * Refuses what is not a regular file, what others than its owner may read, and a symbolic link. The checks are made on
 * the open descriptor, so the file cannot be changed between check and use.
 */
export function openPinFile(path: string): Result<number> {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown';
    return refused('keys.pin-file-unsafe', `The PIN file ${path} cannot be opened (${code}).`, { path, error: code });
  }
  const { mode, size } = fstatSync(descriptor);
  const permissions = (mode & 0o777).toString(8).padStart(4, '0');
  if ((mode & constants.S_IFMT) === constants.S_IFREG && (mode & 0o077) === 0 && size > 0 && size <= 256)
    return accepted(descriptor);
  closeSync(descriptor);
  return refused(
    'keys.pin-file-unsafe',
    `The PIN file ${path} must be a regular file of 1 to 256 bytes that only its owner may read: run chmod 600 on it.`,
    { path, permissions, size: String(size) },
  );
}

/** The code of a system call's error (ENOENT, EEXIST, ...). */
export function systemErrorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
