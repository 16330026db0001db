import { readFileSync, statSync } from 'node:fs';

/** The PostgreSQL URL from a file that only its owner may read. Throws otherwise. */
export function readDatabaseUrl(file: string): string {
  if ((statSync(file).mode & 0o077) !== 0) throw new Error(`${file} can be read by others: chmod 600 it`);
  const url = readFileSync(file, 'utf8').trim();
  if (!/^postgres(ql)?:\/\//.test(url)) throw new Error(`${file} holds no postgres:// URL`);
  return url;
}
