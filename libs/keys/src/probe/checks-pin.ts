import pkcs11, { type PKCS11 } from 'pkcs11js';
import { type Check, type Observed, type Workbench } from './check.js';
import { attempt } from './probed-token.js';

const FLAGS = ['USER_PIN_COUNT_LOW', 'USER_PIN_FINAL_TRY', 'USER_PIN_LOCKED'] as const;

/** Only when a person asked for wrong PINs: they count towards the token's lock. */
export const PIN_CHECKS: readonly Check[] = [{ name: 'pin.wrong', needed: false, run: tryWrongPins }];

/** Tries wrong PINs, stops one short of a lock where the token tells it, and logs in again with the right one. */
function tryWrongPins({ token: { lib, slot, session }, order, pin }: Workbench): Observed {
  if (order.wrongPins === 0) return { outcome: 'noted', detail: 'not tried: --try-wrong-pin asks for it' };
  const facts: Record<string, string> = {};
  lib.C_Logout(session);
  for (let count = 1; count <= order.wrongPins && !isLastTry(lib, slot); count += 1) {
    const answer = attempt(() => {
      lib.C_Login(session, pkcs11.CKU_USER, `${pin.slice(0, 4)}-wrong-${count}`);
    });
    facts[`wrong PIN ${count}`] = [answer, ...flagsOf(lib, slot)].join(' ');
  }
  const tried = Object.keys(facts).length;
  facts['right PIN'] = attempt(() => {
    lib.C_Login(session, pkcs11.CKU_USER, pin);
  });
  if (Object.values(facts).some((answer, index) => index < tried && answer.startsWith('done')))
    return { outcome: 'wrong', detail: 'the token took a wrong PIN', facts };
  if (facts['right PIN'] !== 'done')
    return {
      outcome: 'noted',
      detail: `after ${tried} wrong PINs the right one is refused (${facts['right PIN']})`,
      facts,
    };
  const counts = Object.values(facts).some((answer) => answer.includes('USER_PIN'));
  const outcome = counts ? 'ok' : 'guarded';
  const told = counts ? 'the token tells that it counts' : 'the token tells nothing; Bulkhead keeps its own count';
  return { outcome, detail: `${tried} wrong PINs refused, then the right one taken: ${told}`, facts };
}

const flagsOf = (lib: PKCS11, slot: Buffer): string[] => {
  const { flags } = lib.C_GetTokenInfo(slot);
  return FLAGS.filter((name) => (flags & pkcs11[`CKF_${name}`]) !== 0);
};

const isLastTry = (lib: PKCS11, slot: Buffer): boolean =>
  flagsOf(lib, slot).some((name) => name !== 'USER_PIN_COUNT_LOW');
