import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { projectFolder } from '#bootstrap/project.mjs';
import { findSoftHsm } from '#bootstrap/softhsm.mjs';
import { initialiseToken, pkcs11ProfileSchema, softhsmConfiguration, type Pkcs11Profile } from '@bulkhead/keys';
import { writeFileAtomically } from './files.js';
import type { Layout } from './layout.js';
import type { SignerName } from './names.js';

const PROFILE = join(projectFolder, 'hsm-config', 'softhsm2.json');

/** One signer's SoftHSM token, in a token folder that no other signer sees. */
export interface Token {
  /** The token's label: find it by this, slot numbers change. */
  readonly label: SignerName;
  /** By which the charter names it. */
  readonly serial: string;
  /** Path of the PKCS#11 module. */
  readonly module: string;
  /** SoftHSM's profile of hsm-config/, naming this module. */
  readonly profile: Pkcs11Profile;
  /** To be SOFTHSM2_CONF in the environment of the process that loads the module. */
  readonly configFile: string;
  /** 0600 file with the user PIN. */
  readonly pinFile: string;
}

/** Makes a signer's token with random PINs at the first start. Idempotent. */
export async function initToken(signer: SignerName, layout: Layout): Promise<Token> {
  const folder = layout.token(signer);
  const module = findSoftHsm();
  if (!module) throw new Failure('SoftHSM 2 is not installed.', 'npm run up installs it; or set SOFTHSM2_LIB.');
  const token: Omit<Token, 'serial'> = {
    label: signer,
    module,
    profile: pkcs11ProfileSchema.parse({
      ...(JSON.parse(readFileSync(PROFILE, 'utf8')) as object),
      libraries: [module],
    }),
    configFile: join(folder, 'softhsm2.conf'),
    pinFile: join(folder, 'pin'),
  };
  const tokenFolder = join(folder, 'tokens');
  mkdirSync(tokenFolder, { recursive: true, mode: 0o700 });
  // written at each start: the state may have been moved to another folder
  writeFileAtomically(token.configFile, softhsmConfiguration(tokenFolder));
  const { serial } = await initialiseToken({
    profile: token.profile,
    tokenLabel: signer,
    pinFile: token.pinFile,
    soPinFile: join(folder, 'so-pin'),
    env: { SOFTHSM2_CONF: token.configFile },
  });
  return { ...token, serial };
}

/** @returns a token's user PIN */
export function readPin(token: Token): string {
  return readFileSync(token.pinFile, 'utf8').trim();
}
