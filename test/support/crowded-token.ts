import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, type KeyStoreOptions } from '@bulkhead/keys';

/**
 * Fills a SoftHSM token that nothing uses now: two new keys, `filler/a` and `filler/b`, each there some thousand times.
 *
 * @param tokens the folder of which the token is the only one
 * @returns how many objects the token has then
 */
export async function crowd(token: KeyStoreOptions, tokens: string, objects: number): Promise<number> {
  const [name = ''] = readdirSync(tokens);
  const folder = join(tokens, name);
  const before = new Set(readdirSync(folder));
  const store = await openKeyStore(token);
  for (const keyId of ['filler/a', 'filler/b']) orThrow(await store.generateKey(keyId));
  await store.close();
  const fillers = readdirSync(folder).filter((file) => file.endsWith('.object') && !before.has(file));
  const copy = join(import.meta.dirname, 'copy-objects.mjs');
  return Number(execFileSync(process.execPath, [copy, folder, String(objects), ...fillers], { encoding: 'utf8' }));
}
