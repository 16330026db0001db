import { createHash, randomBytes } from 'node:crypto';
import pkcs11, { type Handle } from 'pkcs11js';
import { CURVE_ORDER } from '../signature.js';
import { type Check, type Observed, pairOf, type Workbench } from './check.js';
import { openSslVerifies, pointOf } from './curves.js';
import { attempt } from './probed-token.js';

/** FIPS 186-5: order of P-256. */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** What the module does when it signs. */
export const SIGNING_CHECKS: readonly Check[] = [
  { name: 'sign.digest-length', needed: false, run: otherLengths },
  { name: 'sign.high-s', needed: false, run: highS },
  { name: 'sign.nonce', needed: false, run: nonce },
  { name: 'sign.rate', needed: false, run: signingRate },
];

/** PKCS#11 v2.40 section 2.3.6 has a longer input cut to the curve's length, so two "digests" may share a signature. */
function otherLengths(bench: Workbench): Observed {
  const pair = pairOf(bench);
  const { token } = bench;
  const message = randomBytes(64);
  const digest = createHash('sha256').update(message).digest();
  const point = pointOf(token.value(pair.publicKey, pkcs11.CKA_EC_POINT), pair.curve.name)?.point ?? Buffer.alloc(0);
  const behaviour = (length: number): string => {
    const session = openSession(bench); // one of its own: a refusal may leave the operation active
    try {
      const signature = token.sign(pair, Buffer.concat([digest, randomBytes(length - digest.length)]), session);
      return openSslVerifies(pair.curve.name, point, message, signature) ? 'truncates' : 'signs otherwise';
    } catch (error) {
      return attempt(() => {
        throw error;
      });
    } finally {
      token.lib.C_CloseSession(session);
    }
  };
  const facts = { '33 bytes': behaviour(33), '64 bytes': behaviour(64) };
  const signs = Object.values(facts).some((what) => !what.startsWith('CKR_'));
  if (!signs) return { outcome: 'ok', detail: 'refuses what is not 32 bytes', facts };
  const detail = `33 bytes: ${facts['33 bytes']}, 64 bytes: ${facts['64 bytes']}; Bulkhead sends 32 only`;
  return { outcome: 'guarded', detail, facts };
}

function highS(bench: Workbench): Observed {
  const order = pairOf(bench).curve.name === 'p256' ? P256_ORDER : CURVE_ORDER;
  const digests = Array.from({ length: bench.order.signatures }, () => randomBytes(32));
  const high = digests.filter((digest) => {
    const signature = bench.token.sign(pairOf(bench), digest);
    return BigInt(`0x${signature.subarray(32).toString('hex')}`) > order / 2n;
  }).length;
  const facts = { high: String(high), of: String(digests.length) };
  if (high === 0) return { outcome: 'ok', detail: 'always low-S', facts };
  return { outcome: 'guarded', detail: `${percent(high, digests.length)} high-S; Bulkhead makes them low-S`, facts };
}

function nonce(bench: Workbench): Observed {
  const digest = randomBytes(32);
  const [first, second] = [1, 2].map(() => bench.token.sign(pairOf(bench), digest).toString('hex'));
  return first === second
    ? { outcome: 'noted', detail: 'deterministic: the same digest has the same signature' }
    : { outcome: 'noted', detail: 'random: the same digest has another signature each time' };
}

function signingRate(bench: Workbench): Observed {
  const { signatures } = bench.order;
  const digest = randomBytes(32);
  const startedMs = performance.now();
  for (let count = 0; count < signatures; count += 1) bench.token.sign(pairOf(bench), digest);
  const perSecond = Math.round((signatures * 1000) / (performance.now() - startedMs));
  const facts = { perSecond: String(perSecond), signatures: String(signatures), curve: pairOf(bench).curve.name };
  return { outcome: 'noted', detail: `${perSecond} signatures per second in one session`, facts };
}

const openSession = ({ token: { lib, slot } }: Workbench): Handle =>
  lib.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);

const percent = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;
