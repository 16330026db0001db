import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file whole or not at all, so that a kill in between leaves the old one. */
export function writeFileAtomically(file: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, content, { mode, flush: true });
  renameSync(draft, file);
}

/** @returns the secret kept in a 0600 file, made at the first call: 32 random bytes in base64url */
export function keptSecret(file: string): string {
  if (!existsSync(file)) writeFileAtomically(file, `${randomBytes(32).toString('base64url')}\n`, 0o600);
  return readFileSync(file, 'utf8').trim();
}
