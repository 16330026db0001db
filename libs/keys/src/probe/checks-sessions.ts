import { randomBytes } from 'node:crypto';
import pkcs11, { type Handle } from 'pkcs11js';
import { type Check, type Observed, pairOf, type Workbench } from './check.js';
import { attempt } from './probed-token.js';

const READ_ONLY = pkcs11.CKF_SERIAL_SESSION;
const READ_WRITE = pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION;

export const SESSION_CHECKS: readonly Check[] = [
  { name: 'session.second', needed: false, run: signInSecond },
  { name: 'session.read-only', needed: false, run: makeKeyReadOnly },
  { name: 'session.limit', needed: false, run: openMany },
];

/** Signing in a session that was not logged in itself: login is the application's (PKCS#11 v2.40 section 5.6). */
function signInSecond(bench: Workbench): Observed {
  const { token } = bench;
  const session = token.lib.C_OpenSession(token.slot, READ_WRITE);
  try {
    token.sign(pairOf(bench), randomBytes(32), session);
    return { outcome: 'ok', detail: 'a second session signs with the first one’s login: workers can be used' };
  } finally {
    token.lib.C_CloseSession(session);
  }
}

function makeKeyReadOnly(bench: Workbench): Observed {
  const { token } = bench;
  const { curve } = pairOf(bench);
  const session = token.lib.C_OpenSession(token.slot, READ_ONLY);
  const made: Handle[] = [];
  const answer = attempt(() => {
    const { privateKey, publicKey } = token.generate(curve, true, session);
    made.push(privateKey, publicKey);
  });
  token.destroy(...made);
  token.lib.C_CloseSession(session);
  const facts = { answer };
  if (answer === 'done')
    return { outcome: 'noted', detail: 'a read-only session makes keys in the token all the same', facts };
  return { outcome: 'ok', detail: `a read-only session makes no keys in the token (${answer})`, facts };
}

function openMany({ token, order }: Workbench): Observed {
  const opened: Handle[] = [];
  let refusal = 'done';
  while (opened.length < order.sessions && refusal === 'done')
    refusal = attempt(() => opened.push(token.lib.C_OpenSession(token.slot, READ_WRITE)));
  for (const session of opened) token.lib.C_CloseSession(session);
  const { maxSessionCount, maxRwSessionCount } = token.lib.C_GetTokenInfo(token.slot);
  const facts = {
    opened: String(opened.length),
    refusal,
    maxSessionCount: sessionCount(maxSessionCount),
    maxRwSessionCount: sessionCount(maxRwSessionCount),
  };
  if (refusal === 'done') return { outcome: 'noted', detail: `${opened.length} more at once without a limit`, facts };
  return { outcome: 'noted', detail: `${opened.length} more at once, then ${refusal}`, facts };
}

/** CK_EFFECTIVELY_INFINITE is 0, CK_UNAVAILABLE_INFORMATION all ones (PKCS#11 v2.40 section 3.2). */
function sessionCount(count: number): string {
  if (count === 0) return 'no limit';
  return count >= 0xffffffff ? 'not told' : String(count);
}
