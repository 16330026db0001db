/**
 * Entry of the child process that probes one token: it alone loads the module, and a crash or a hang ends nothing else.
 * It makes what it needs under one label and takes it away again.
 */
import { RefusalError } from '@bulkhead/intent';
import pkcs11 from 'pkcs11js';
import { FIRST_INHERITED_DESCRIPTOR } from '../host-process.js';
import { logIn } from '../host/counted-login.js';
import { attribute } from '../host/key-template.js';
import { ckrName, initialisation, readPin } from '../host/module.js';
import { PinTries } from '../pin-tries.js';
import { type Check, type Workbench } from './check.js';
import { KEY_CHECKS } from './checks-keys.js';
import { MODULE_CHECKS } from './checks-module.js';
import { objectChecks } from './checks-objects.js';
import { PIN_CHECKS } from './checks-pin.js';
import { SESSION_CHECKS } from './checks-sessions.js';
import { SIGNING_CHECKS } from './checks-signing.js';
import { type Finding } from './finding.js';
import { type ProbeMessage, type ProbeOrder, probeOrderSchema } from './probe-protocol.js';
import { ProbedToken } from './probed-token.js';

/** Wrong PINs come last: a logout takes session keys with it. */
const checksOf = ({ profile }: ProbeOrder): readonly Check[] => [
  ...MODULE_CHECKS,
  ...KEY_CHECKS,
  ...SIGNING_CHECKS,
  ...SESSION_CHECKS,
  ...objectChecks(profile),
  ...PIN_CHECKS,
];

class CannotRun extends Error {
  constructor(
    readonly reason: 'module' | 'token' | 'pin',
    message: string,
    readonly ckr?: string,
  ) {
    super(message);
  }
}

/** Resolves once the parent has it, so that what a crash interrupts is known. */
function say(message: ProbeMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else
      process.send(message, () => {
        resolve();
      });
  });
}

async function probe(message: unknown): Promise<void> {
  try {
    const order = probeOrderSchema.parse(message);
    const pin = readPin(FIRST_INHERITED_DESCRIPTOR);
    await say({ kind: 'about', check: 'module.load' });
    const bench: Workbench = { token: open(order, pin), order, pin, pair: undefined, ecPoint: undefined };
    await say({ kind: 'opened' });
    const before = sweepAndCount(bench.token);
    if (!order.sweepOnly) await runAll(bench, before);
    bench.token.lib.C_Finalize();
    await say({ kind: 'done' });
  } catch (error) {
    const reason = error instanceof CannotRun ? error.reason : 'module';
    const ckr = error instanceof CannotRun ? error.ckr : ckrName(error);
    await say({ kind: 'cannot-run', reason, detail: error instanceof Error ? error.message : String(error), ckr });
  }
  process.disconnect();
}

async function runAll(bench: Workbench, before: number): Promise<void> {
  for (const check of checksOf(bench.order)) {
    await say({ kind: 'about', check: check.name });
    await say({ kind: 'finding', finding: observe(check, bench) });
  }
  const left = observe({ name: 'object.left', needed: true, run: ({ token }) => nothingLeft(token, before) }, bench);
  await say({ kind: 'finding', finding: left });
}

function observe({ name, needed, run }: Check, bench: Workbench): Finding {
  try {
    const { outcome, detail, facts = {} } = run(bench);
    return { check: name, outcome, needed, detail, facts };
  } catch (error) {
    if (error instanceof RefusalError) {
      const { code, detail, facts } = error.refusal;
      return { check: name, outcome: 'wrong', needed, detail, facts: { refused: code, ...facts } };
    }
    const ckr = ckrName(error);
    const detail = ckr === undefined ? String(error) : `refused with ${ckr}`;
    return { check: name, outcome: 'missing', needed, detail, facts: ckr === undefined ? {} : { ckr } };
  }
}

function nothingLeft(token: ProbedToken, before: number): ReturnType<Check['run']> {
  const swept = token.sweep();
  const after = token.find([attribute(pkcs11.CKA_TOKEN, true)]).length;
  const facts = { before: String(before), after: String(after), 'taken away at the end': String(swept) };
  if (after !== before) return { outcome: 'wrong', detail: `the token has ${after} objects, and had ${before}`, facts };
  return { outcome: 'ok', detail: `nothing of the probe is left; ${after} objects as before`, facts };
}

/** @returns the number of the token's own objects once nothing of an earlier probe is left */
function sweepAndCount(token: ProbedToken): number {
  token.sweep();
  return token.find([attribute(pkcs11.CKA_TOKEN, true)]).length;
}

function open({ library, libraryParameters, tokenLabel, pinTriesFile }: ProbeOrder, pin: string): ProbedToken {
  const lib = new pkcs11.PKCS11();
  try {
    lib.load(library);
    lib.C_Initialize(initialisation(libraryParameters));
  } catch (error) {
    throw new CannotRun('module', `${library} does not start: ${String(error)}`, ckrName(error));
  }
  const labels = lib.C_GetSlotList(true).map((slot) => ({ slot, info: lib.C_GetTokenInfo(slot) }));
  const [found, second] = labels.filter(({ info }) => info.label.replace(/\0.*/, '').trimEnd() === tokenLabel);
  if (found === undefined)
    throw new CannotRun(
      'token',
      `no token is labelled ${tokenLabel} (there are: ${labels.map(({ info }) => info.label.trim()).join(', ')})`,
    );
  if (second !== undefined) throw new CannotRun('token', `more than one token is labelled ${tokenLabel}`);
  if ((found.info.flags & (pkcs11.CKF_USER_PIN_LOCKED | pkcs11.CKF_USER_PIN_FINAL_TRY)) !== 0)
    throw new CannotRun('pin', 'the token is locked, or would be after one more wrong PIN', 'CKR_PIN_LOCKED');
  try {
    const session = lib.C_OpenSession(found.slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
    logIn(pinTriesFile === undefined ? undefined : new PinTries(pinTriesFile), () => {
      lib.C_Login(session, pkcs11.CKU_USER, pin);
    });
    return new ProbedToken(lib, found.slot, session);
  } catch (error) {
    const ckr = ckrName(error);
    const reason = ckr?.startsWith('CKR_PIN') === true ? 'pin' : 'token';
    throw new CannotRun(reason, `the token refuses the login: ${ckr ?? String(error)}`, ckr);
  }
}

process.on('SIGINT', () => undefined);
process.once('message', (message) => void probe(message));
