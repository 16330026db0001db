import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialiseToken, pkcs11ProfileSchema, softhsmConfiguration } from '@bulkhead/keys';

export const softhsmProfile = pkcs11ProfileSchema.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'hsm-config', 'softhsm2.json'), 'utf8')),
);

/** A token directory of its own in a temporary folder; SoftHSM makes no token there until it is asked to. */
export function softhsmFolder(name: string) {
  const folder = mkdtempSync(join(tmpdir(), `bulkhead-${name}-`));
  mkdirSync(join(folder, 'tokens'));
  writeFileSync(join(folder, 'softhsm2.conf'), softhsmConfiguration(join(folder, 'tokens')));
  return {
    folder,
    tokens: join(folder, 'tokens'),
    profile: softhsmProfile,
    tokenLabel: name,
    pinFile: join(folder, 'pin'),
    soPinFile: join(folder, 'so-pin'),
    env: { SOFTHSM2_CONF: join(folder, 'softhsm2.conf') },
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
export type SofthsmFolder = ReturnType<typeof softhsmFolder>;

/** {@link softhsmFolder} with a token in it. */
export async function softhsmToken(name: string): Promise<SofthsmFolder> {
  const token = softhsmFolder(name);
  await initialiseToken(token);
  return token;
}
