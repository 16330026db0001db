import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { orThrow } from '@bulkhead/intent';
import { z } from 'zod';
import { forkHost, hostEntryFile, hostEnvironment } from './host-process.js';
import { openPinFile, systemErrorCode } from './pin-file.js';
import { type Pkcs11Profile, pkcs11ProfileSchema, tokenLabelSchema } from './profile.js';

export interface TokenInitialisation {
  readonly profile: Pkcs11Profile;
  readonly tokenLabel: string;
  /** The user's PIN: made here, mode 0600, unless it is there already. */
  readonly pinFile: string;
  /** The security officer's PIN, likewise. */
  readonly soPinFile: string;
  /** The environment variables that the profile names; for SoftHSM, SOFTHSM2_CONF. */
  readonly env: Readonly<Record<string, string>>;
  /** The compiled token-init entry, where it is not at its usual place. */
  readonly hostEntry?: string;
}

const answerSchema = z.strictObject({
  ok: z.boolean(),
  detail: z.string(),
  pinsUnused: z.boolean(),
  serial: z.string(),
});
const TIMEOUT_MS = 30_000;

/**
 * Makes a development token with random PINs, in a child process: label, security officer's PIN, user's PIN
 * (C_InitToken, C_InitPIN; PKCS#11 v2.40 sections 5.5 and 5.6). A token of that label that is ready is kept, one that a
 * killed run left half made is finished. PINs pass through inherited descriptors only.
 *
 * Real HSMs are initialised by their officers in a key ceremony, never by this.
 *
 * @returns the token's serial number, by which a charter names it
 * @throws Error when the module refuses, or a token exists whose PIN files are gone.
 */
export async function initialiseToken(options: TokenInitialisation): Promise<{ readonly serial: string }> {
  const profile = pkcs11ProfileSchema.parse(options.profile);
  const tokenLabel = tokenLabelSchema.parse(options.tokenLabel);
  const made = [options.soPinFile, options.pinFile].filter(makePinFile);
  const descriptors: number[] = [];
  try {
    for (const file of [options.soPinFile, options.pinFile]) descriptors.push(orThrow(openPinFile(file)));
    const host = forkHost(
      options.hostEntry ?? hostEntryFile('host/token-init'),
      hostEnvironment(profile, options.env),
      descriptors,
    );
    const timer = setTimeout(() => host.kill('SIGKILL'), TIMEOUT_MS);
    const answered = once(host, 'message');
    // the end of the channel, not of the process: its exit may be seen before the answer that it sent
    const silent = once(host, 'disconnect');
    const ended = once(host, 'exit');
    host.send({ profile, tokenLabel, pinsAreNew: made.length > 0 });
    const message = await Promise.race([answered, silent.then(() => undefined)]);
    clearTimeout(timer);
    await ended;
    if (message === undefined) throw new Error(`token ${tokenLabel}: the child process ended without an answer`);
    const answer = answerSchema.parse(message[0]);
    if (answer.pinsUnused) for (const file of made) rmSync(file, { force: true });
    if (!answer.ok) throw new Error(`token ${tokenLabel}: ${answer.detail}`);
    return { serial: answer.serial };
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/**
 * 128 random bits in hex, which every PKCS#11 module takes as a PIN. False when the file is there already. The file is
 * there as a whole or not at all, whenever this process is killed.
 */
function makePinFile(path: string): boolean {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  writeFileSync(draft, randomBytes(16).toString('hex'), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
