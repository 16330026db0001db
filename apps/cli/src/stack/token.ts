import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { projectFolder } from '#bootstrap/project.mjs';
import { findSoftHsm } from '#bootstrap/softhsm.mjs';
import { writeFileAtomically } from './files.js';
import type { Layout } from './layout.js';
import type { SignerName } from './names.js';

const CHILD = join(projectFolder, 'dist/apps/cli/src/stack/token-child.js');
const PIN_DIGITS = 12;

/** One signer's SoftHSM token, in a token folder that no other signer sees. */
export interface Token {
  /** The token's label: find it by this, slot numbers change. */
  readonly label: SignerName;
  /** Path of the PKCS#11 module. */
  readonly module: string;
  /** To be SOFTHSM2_CONF in the environment of the process that loads the module. */
  readonly configFile: string;
  /** 0600 file with the user PIN. */
  readonly pinFile: string;
}

/**
 * Makes a signer's token with random PINs at the first start. Idempotent: the PIN file is written last, so a token
 * without one was never used and is made again.
 */
export async function initToken(signer: SignerName, layout: Layout): Promise<Token> {
  const folder = layout.token(signer);
  const module = findSoftHsm();
  if (!module) throw new Failure('SoftHSM 2 is not installed.', 'npm run up installs it; or set SOFTHSM2_LIB.');
  const token: Token = {
    label: signer,
    module,
    configFile: join(folder, 'softhsm2.conf'),
    pinFile: join(folder, 'pin'),
  };
  const tokenFolder = join(folder, 'tokens');
  // written at each start: the state may have been moved to another folder
  writeFileAtomically(token.configFile, softHsmConfiguration(tokenFolder));
  if (existsSync(token.pinFile)) return token;
  rmSync(tokenFolder, { recursive: true, force: true });
  mkdirSync(tokenFolder, { recursive: true, mode: 0o700 });
  const pins = { securityOfficerPin: randomPin(), userPin: randomPin() };
  await runChild(token, pins);
  writeFileAtomically(join(folder, 'so-pin'), `${pins.securityOfficerPin}\n`, 0o600);
  writeFileAtomically(token.pinFile, `${pins.userPin}\n`, 0o600);
  return token;
}

/** @returns a token's user PIN */
export function readPin(token: Token): string {
  return readFileSync(token.pinFile, 'utf8').trim();
}

function softHsmConfiguration(tokenFolder: string): string {
  const settings = {
    'directories.tokendir': tokenFolder,
    'objectstore.backend': 'file',
    'log.level': 'ERROR',
    'slots.removable': 'false',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function randomPin(): string {
  return Array.from({ length: PIN_DIGITS }, () => randomInt(10)).join('');
}

/**
 * The module reads SOFTHSM2_CONF from the environment a process was started with, so a process of its own makes the
 * token. The PINs reach it through its input: arguments and environment can be read by others.
 */
function runChild(token: Token, pins: { securityOfficerPin: string; userPin: string }): Promise<void> {
  if (!existsSync(CHILD)) throw new Failure(`${CHILD} is missing.`, 'Build first: npm run build');
  const child = spawn(process.execPath, [CHILD], {
    env: { PATH: process.env.PATH, SOFTHSM2_CONF: token.configFile },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdin.end(JSON.stringify({ module: token.module, label: token.label, ...pins }));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Failure(`The token ${token.label} could not be made:\n${complaint.trim()}`));
    });
  });
}
