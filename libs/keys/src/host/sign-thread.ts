/**
 * A thread of the module host that does nothing but sign, in a session of its own: while one thread is inside C_Sign,
 * others are too. The module is initialised and its user logged in by the host's first thread, which also decides what
 * is signed; both hold for the whole process (PKCS#11 v2.40 sections 5.4 and 5.6).
 */
import { parentPort, workerData } from 'node:worker_threads';
import pkcs11 from 'pkcs11js';
import { SIGNATURE_BYTES } from '../signature.js';
import { type SignAnswer, type SignJob, type SignThreadOrder } from './sign-threads.js';

const { library, slot, mechanism } = workerData as SignThreadOrder;
const module = new pkcs11.PKCS11();
module.load(library);
const session = module.C_OpenSession(Buffer.from(slot), pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);

parentPort?.on('message', ({ id, key, digest }: SignJob) => {
  let answer: SignAnswer;
  try {
    module.C_SignInit(session, { mechanism }, Buffer.from(key));
    answer = { id, signature: module.C_Sign(session, Buffer.from(digest), Buffer.alloc(SIGNATURE_BYTES)) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
