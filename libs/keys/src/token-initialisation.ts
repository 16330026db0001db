import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, existsSync, linkSync, rmSync, writeFileSync } from 'node:fs';
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
const lengthsSchema = z.strictObject({ least: z.number(), most: z.number() });
const TIMEOUT_MS = 30_000;
/** As long as it makes sense to guess at: 190 bits. */
const PIN_CHARACTERS = 32;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Makes a development token with random PINs, as long as it takes, in a child process: label, security officer's PIN, user's PIN
 * (C_InitToken, C_InitPIN; PKCS#11 v2.40 sections 5.5 and 5.6). A token of that label that is ready is kept, one that a
 * killed run left half made is finished. PINs pass through inherited descriptors only.
 *
 * Real HSMs are initialised by their officers in a key ceremony, never by this.
 *
 * @returns the token's serial number, by which a charter names it
 * @throws Error when the module refuses, or a token exists whose PIN files are gone.
 */
export async function initialiseToken(options: TokenInitialisation): Promise<{ readonly serial: string }> {
  const terms = {
    profile: pkcs11ProfileSchema.parse(options.profile),
    tokenLabel: tokenLabelSchema.parse(options.tokenLabel),
  };
  const files = [options.soPinFile, options.pinFile];
  const length = files.every((file) => existsSync(file)) ? PIN_CHARACTERS : await pinLength(options, terms);
  const made = files.filter((file) => makePinFile(file, length));
  const descriptors: number[] = [];
  try {
    for (const file of files) descriptors.push(orThrow(openPinFile(file)));
    const order = { ...terms, task: 'initialise', pinsAreNew: made.length > 0 };
    const answer = answerSchema.parse(await askHost(options, order, descriptors));
    if (answer.pinsUnused) for (const file of made) rmSync(file, { force: true });
    if (!answer.ok) throw new Error(`token ${terms.tokenLabel}: ${answer.detail}`);
    return { serial: answer.serial };
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

type Terms = Pick<TokenInitialisation, 'profile' | 'tokenLabel'>;

/** As long a PIN as the token takes (ulMinPinLen, ulMaxPinLen of CK_TOKEN_INFO; PKCS#11 v2.40, 3.2), but no longer than ours. */
async function pinLength(options: TokenInitialisation, terms: Terms): Promise<number> {
  const answer = await askHost(options, { ...terms, task: 'pin-lengths' }, []);
  const refused = answerSchema.safeParse(answer);
  if (refused.success) throw new Error(`token ${terms.tokenLabel}: ${refused.data.detail}`);
  const { least, most } = lengthsSchema.parse(answer);
  return Math.min(Math.max(PIN_CHARACTERS, least), most);
}

/** One child process for one task. @returns its answer */
async function askHost(
  { profile, tokenLabel, env, hostEntry }: TokenInitialisation,
  order: object,
  descriptors: readonly number[],
): Promise<unknown> {
  const host = forkHost(hostEntry ?? hostEntryFile('host/token-init'), hostEnvironment(profile, env), descriptors);
  const timer = setTimeout(() => host.kill('SIGKILL'), TIMEOUT_MS);
  const answered = once(host, 'message');
  // the end of the channel, not of the process: its exit may be seen before the answer that it sent
  const silent = once(host, 'disconnect');
  const ended = once(host, 'exit');
  host.send(order);
  const message = await Promise.race([answered, silent.then(() => undefined)]);
  clearTimeout(timer);
  await ended;
  if (message === undefined) throw new Error(`token ${tokenLabel}: the child process ended without an answer`);
  return message[0];
}

/**
 * A random PIN of letters and digits. False when the file is there already. The file is there as a whole or not at all,
 * whenever this process is killed.
 */
function makePinFile(path: string, length: number): boolean {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const pin = Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  writeFileSync(draft, pin, { mode: 0o600, flag: 'wx' });
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
