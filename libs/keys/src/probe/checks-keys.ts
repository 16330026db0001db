import pkcs11, { type Handle } from 'pkcs11js';
import { createHash, randomBytes } from 'node:crypto';
import { orThrow } from '@bulkhead/intent';
import { attribute } from '../host/key-template.js';
import { readAttributes, wrongWithNewKey } from '../host/read-attributes.js';
import { mechanismNumber, TokenKeys } from '../host/token-keys.js';
import { type Check, type Observed, pairOf, profileOf, type Workbench } from './check.js';
import { openSslVerifies, pointOf, PROBED_CURVES, type ProbedCurve } from './curves.js';
import { attempt, PROBE_LABEL, type ProbePair, type ProbedToken } from './probed-token.js';

/** What a key could be changed to: the attribute's number and value. */
const LOOSENINGS: readonly (readonly [string, number, boolean])[] = [
  ['extractable', pkcs11.CKA_EXTRACTABLE, true],
  ['not sensitive', pkcs11.CKA_SENSITIVE, false],
  ['sign-recover', pkcs11.CKA_SIGN_RECOVER, true],
  ['decrypt', pkcs11.CKA_DECRYPT, true],
  ['unwrap', pkcs11.CKA_UNWRAP, true],
  ['derive', pkcs11.CKA_DERIVE, true],
];

/** Keys made in the module for nothing but the probe, and what becomes of them. */
export const KEY_CHECKS: readonly Check[] = [
  ...PROBED_CURVES.map((curve): Check => ({
    name: `curve.${curve.name}`,
    needed: curve.needed,
    run: (bench) => tryCurve(bench, curve),
  })),
  { name: 'key.attributes', needed: true, run: (bench) => readBack(bench.token, pairOf(bench).privateKey) },
  { name: 'key.value', needed: true, run: (bench) => readValue(bench.token, pairOf(bench).privateKey) },
  { name: 'key.loosening', needed: true, run: (bench) => loosen(bench.token, pairOf(bench).privateKey) },
  { name: 'key.in-token', needed: true, run: makeInToken },
  { name: 'profile.fields', needed: true, run: compareProfile },
];

function tryCurve(bench: Workbench, curve: ProbedCurve): Observed {
  const { token } = bench;
  const { pair, kind } = generateSomehow(token, asInProfile(bench, curve));
  const found = pointOf(token.value(pair.publicKey, pkcs11.CKA_EC_POINT), curve.name);
  if (found === undefined) return { outcome: 'wrong', detail: 'CKA_EC_POINT is of no known form' };
  if (curve.needed) bench.ecPoint = found.form;
  const message = randomBytes(64);
  const input = curve.name === 'ed25519' ? message : createHash('sha256').update(message).digest();
  const isRight = openSslVerifies(curve.name, found.point, message, token.sign(pair, input));
  if (!isRight) return { outcome: 'wrong', detail: 'its signature does not verify (OpenSSL)' };
  if (bench.pair === undefined) bench.pair = pair;
  else token.destroy(pair.privateKey, pair.publicKey);
  const facts = { key: kind, ecPoint: found.form };
  return { outcome: 'ok', detail: `makes keys and signs (for ${curve.use}); verified by OpenSSL`, facts };
}

/** Quorum keys are made and used by the mechanisms that the profile names. */
function asInProfile(bench: Workbench, curve: ProbedCurve): ProbedCurve {
  const { generateKeyPair, sign } = profileOf(bench).mechanisms;
  if (!curve.needed) return curve;
  return { ...curve, generate: mechanismNumber(generateKeyPair), sign: mechanismNumber(sign) };
}

/** A key that ends with the session where the module has such; else one in the token, which is destroyed at the end. */
function generateSomehow(token: ProbedToken, curve: ProbedCurve): { pair: ProbePair; kind: string } {
  try {
    return { pair: token.generate(curve, false), kind: 'session' };
  } catch (refusal) {
    try {
      return { pair: token.generate(curve, true), kind: 'token (the module has no session keys)' };
    } catch {
      throw refusal;
    }
  }
}

/** By the list and the judge that the module host has. */
function readBack(token: ProbedToken, key: Handle): Observed {
  const facts = Object.fromEntries(
    Object.entries(readAttributes(token.access, key)).map(([name, value]) => [name, String(value)]),
  );
  const wrong = wrongWithNewKey(token.access, key, 'none');
  if (wrong.length > 0) return { outcome: 'wrong', detail: `not as a custody key must be: ${wrong.join(', ')}`, facts };
  return { outcome: 'ok', detail: 'sensitive, not extractable, never otherwise, made inside, for signing only', facts };
}

function readValue(token: ProbedToken, key: Handle): Observed {
  const answer = attempt(() => token.value(key, pkcs11.CKA_VALUE));
  const isOut = answer === 'done' && token.value(key, pkcs11.CKA_VALUE).length > 0;
  if (isOut) return { outcome: 'wrong', detail: 'the module gives the private key away' };
  return { outcome: 'ok', detail: 'the private key cannot be read', facts: { answer } };
}

/** A module may answer CKR_OK and change nothing: what the key, or its copy, says afterwards is what counts. */
function loosen(token: ProbedToken, key: Handle): Observed {
  const { lib, session } = token;
  const verdict = (answer: string, isLoose: boolean): string =>
    answer !== 'done' ? answer : isLoose ? 'LOOSE' : 'done, without effect';
  const set = (type: number, value: boolean): string => {
    const answer = attempt(() => {
      lib.C_SetAttributeValue(session, key, [attribute(type, value)]);
    });
    return verdict(answer, answer === 'done' && token.flag(key, type) === value);
  };
  const copy = (type: number, value: boolean): string => {
    const copies: Handle[] = [];
    const answer = attempt(() => copies.push(lib.C_CopyObject(session, key, [attribute(type, value)])));
    const isLoose = copies.some((object) => token.flag(object, type) === value);
    token.destroy(...copies);
    return verdict(answer, isLoose);
  };
  const facts = Object.fromEntries(
    LOOSENINGS.flatMap(([what, type, value]) => [
      [`copy ${what}`, copy(type, value)],
      [`set ${what}`, set(type, value)],
    ]),
  );
  const loosened = Object.entries(facts).filter(([, answer]) => answer === 'LOOSE');
  if (loosened.length > 0)
    return { outcome: 'wrong', detail: `can be loosened: ${loosened.map(([what]) => what).join(', ')}`, facts };
  return { outcome: 'ok', detail: 'no attribute can be loosened, nor a looser copy made', facts };
}

/** With the code that a signer's module host makes its keys with, so that what passes here is taken there. */
function makeInToken(bench: Workbench): Observed {
  const profile = profileOf(bench);
  const keys = new TokenKeys(bench.token.access, profile);
  const { publicKey } = orThrow(keys.generate(PROBE_LABEL)).thing;
  const read = orThrow(new TokenKeys(bench.token.access, profile).record(PROBE_LABEL));
  orThrow(keys.destroy(PROBE_LABEL, publicKey));
  orThrow(keys.requireGone(PROBE_LABEL));
  const facts = Object.fromEntries(Object.entries(read.attributes).map(([name, value]) => [name, String(value)]));
  if (read.publicKey !== publicKey) return { outcome: 'wrong', detail: 'another key is found by its id', facts };
  return { outcome: 'ok', detail: 'made in the token as a signer does, found by its id, proven, destroyed', facts };
}

/** Whether the module is as the profile says; that its mechanisms are offered is `module.mechanisms`. */
function compareProfile({ order: { profile }, ecPoint: found }: Workbench): Observed {
  const ecPoint = found ?? 'not seen';
  if (profile === undefined) return { outcome: 'noted', detail: 'no profile given (--profile)', facts: { ecPoint } };
  const facts = { profile: profile.name, 'ecPoint of the profile': profile.ecPoint, ecPoint };
  if (profile.ecPoint !== ecPoint)
    return { outcome: 'wrong', detail: `ecPoint must be ${ecPoint}, and the profile says ${profile.ecPoint}`, facts };
  return { outcome: 'ok', detail: `as the profile ${profile.name} says`, facts };
}
