import pkcs11, { type Handle } from 'pkcs11js';
import { createHash, randomBytes } from 'node:crypto';
import { attribute } from '../host/key-template.js';
import { type Check, type Observed, pairOf, type Workbench } from './check.js';
import { openSslVerifies, pointOf, PROBED_CURVES, type ProbedCurve } from './curves.js';
import { attempt, type ProbePair, type ProbedToken } from './probed-token.js';

/** What a quorum key must say of itself, by the attribute's name and number. */
const WANTED: readonly (readonly [string, number, boolean])[] = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['always-sensitive', pkcs11.CKA_ALWAYS_SENSITIVE, true],
  ['never-extractable', pkcs11.CKA_NEVER_EXTRACTABLE, true],
  ['local', pkcs11.CKA_LOCAL, true],
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
  { name: 'key.in-token', needed: true, run: (bench) => makeInToken(bench.token, pairOf(bench).curve) },
];

function tryCurve(bench: Workbench, curve: ProbedCurve): Observed {
  const { token } = bench;
  const { pair, kind } = generateSomehow(token, curve);
  const found = pointOf(token.value(pair.publicKey, pkcs11.CKA_EC_POINT), curve.name);
  if (found === undefined) return { outcome: 'wrong', detail: 'CKA_EC_POINT is of no known form' };
  const message = randomBytes(64);
  const input = curve.name === 'ed25519' ? message : createHash('sha256').update(message).digest();
  const isRight = openSslVerifies(curve.name, found.point, message, token.sign(pair, input));
  if (!isRight) return { outcome: 'wrong', detail: 'its signature does not verify (OpenSSL)' };
  if (bench.pair === undefined) bench.pair = pair;
  else token.destroy(pair.privateKey, pair.publicKey);
  const facts = { key: kind, ecPoint: found.form };
  return { outcome: 'ok', detail: `makes keys and signs (for ${curve.use}); verified by OpenSSL`, facts };
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

function readBack(token: ProbedToken, key: Handle): Observed {
  const read = WANTED.map(([name, type, wanted]) => ({ name, wanted, value: token.flag(key, type) }));
  const facts = Object.fromEntries(read.map(({ name, value }) => [name, String(value)]));
  const wrong = read.filter(({ wanted, value }) => wanted !== value).map(({ name }) => name);
  if (wrong.length > 0) return { outcome: 'wrong', detail: `not as a custody key must be: ${wrong.join(', ')}`, facts };
  return { outcome: 'ok', detail: 'sensitive, not extractable, never otherwise, made inside', facts };
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
  const isLoose = (object: Handle): boolean =>
    token.flag(object, pkcs11.CKA_EXTRACTABLE) || !token.flag(object, pkcs11.CKA_SENSITIVE);
  const verdict = (answer: string, loose: boolean): string =>
    answer !== 'done' ? answer : loose ? 'LOOSE' : 'done, without effect';
  const set = (type: number, value: boolean): string => {
    const answer = attempt(() => {
      lib.C_SetAttributeValue(session, key, [attribute(type, value)]);
    });
    return verdict(answer, isLoose(key));
  };
  const copy = (type: number, value: boolean): string => {
    const copies: Handle[] = [];
    const answer = attempt(() => copies.push(lib.C_CopyObject(session, key, [attribute(type, value)])));
    const loose = copies.some(isLoose);
    token.destroy(...copies);
    return verdict(answer, loose);
  };
  const facts = {
    'set extractable': set(pkcs11.CKA_EXTRACTABLE, true),
    'set not sensitive': set(pkcs11.CKA_SENSITIVE, false),
    'copy extractable': copy(pkcs11.CKA_EXTRACTABLE, true),
    'copy not sensitive': copy(pkcs11.CKA_SENSITIVE, false),
  };
  const loosened = Object.entries(facts).filter(([, answer]) => answer === 'LOOSE');
  if (loosened.length > 0)
    return { outcome: 'wrong', detail: `can be loosened: ${loosened.map(([what]) => what).join(', ')}`, facts };
  return { outcome: 'ok', detail: 'no attribute can be loosened, nor a looser copy made', facts };
}

function makeInToken(token: ProbedToken, curve: ProbedCurve): Observed {
  const pair = token.generate(curve, true);
  const id = token.value(pair.privateKey, pkcs11.CKA_ID);
  const byId = (objectClass: number): Handle[] =>
    token.find([attribute(pkcs11.CKA_CLASS, objectClass), attribute(pkcs11.CKA_ID, id)]);
  const found = [byId(pkcs11.CKO_PRIVATE_KEY).length, byId(pkcs11.CKO_PUBLIC_KEY).length];
  const read = readBack(token, pair.privateKey);
  token.destroy(pair.privateKey, pair.publicKey);
  const left = byId(pkcs11.CKO_PRIVATE_KEY).length + byId(pkcs11.CKO_PUBLIC_KEY).length;
  const facts = { found: found.join(' and '), left: String(left), ...read.facts };
  if (read.outcome !== 'ok') return { ...read, facts };
  if (found.some((count) => count !== 1))
    return { outcome: 'wrong', detail: 'a new key is not found by its id', facts };
  if (left > 0) return { outcome: 'wrong', detail: 'a destroyed key is still there', facts };
  return { outcome: 'ok', detail: 'made in the token, found by its id, destroyed', facts };
}
