import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { projectFolder } from '#bootstrap/project.mjs';
import { findSoftHsm } from '#bootstrap/softhsm.mjs';
import { initialiseToken, pkcs11ProfileSchema, softhsmConfiguration, type Pkcs11Profile } from '@bulkhead/keys';
import { z } from 'zod';
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
  const soPinFile = join(folder, 'so-pin');
  const made = new MadeToken(join(folder, 'made.json'), tokenFolder);
  const pinsAreThere = [token.pinFile, soPinFile].every((file) => existsSync(file));
  const known = pinsAreThere ? made.serial() : undefined;
  if (known !== undefined) return { ...token, serial: known };
  const { serial } = await initialiseToken({
    profile: token.profile,
    tokenLabel: signer,
    pinFile: token.pinFile,
    soPinFile,
    env: { SOFTHSM2_CONF: token.configFile },
  });
  made.keep(serial);
  return { ...token, serial };
}

/** Remembers that a token is ready, and its serial: to ask the module takes a process of its own for each token. */
class MadeToken {
  constructor(
    private readonly file: string,
    private readonly tokenFolder: string,
  ) {}

  /** @returns undefined unless the token folder holds the same tokens as then, told by SoftHSM's own names of them */
  serial(): string | undefined {
    if (!existsSync(this.file)) return undefined;
    const { serial, tokens } = madeTokenSchema.parse(JSON.parse(readFileSync(this.file, 'utf8')));
    return tokens.join('/') === this.tokens().join('/') ? serial : undefined;
  }

  keep(serial: string): void {
    writeFileAtomically(this.file, JSON.stringify({ serial, tokens: this.tokens() }), 0o600);
  }

  private tokens(): string[] {
    return readdirSync(this.tokenFolder).sort();
  }
}

const madeTokenSchema = z.strictObject({ serial: z.string(), tokens: z.array(z.string()) });

/** @returns a token's user PIN */
export function readPin(token: Token): string {
  return readFileSync(token.pinFile, 'utf8').trim();
}
