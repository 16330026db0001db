import { type PinTries } from '../pin-tries.js';
import { ckrName } from './module.js';

/** Answers to C_Login (PKCS#11 v2.40 section 5.6) that say for certain that no wrong PIN was counted. */
const NO_WRONG_PIN: ReadonlySet<string> = new Set([
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_MEMORY',
  'CKR_DEVICE_REMOVED',
  'CKR_HOST_MEMORY',
  'CKR_OPERATION_ACTIVE',
  'CKR_PIN_EXPIRED',
  'CKR_PIN_LOCKED',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_USER_ALREADY_LOGGED_IN',
  'CKR_USER_ANOTHER_ALREADY_LOGGED_IN',
  'CKR_USER_PIN_NOT_INITIALIZED',
  'CKR_USER_TOO_MANY_TYPES',
]);

/**
 * Logs in with one try that was counted before it is made: a process that is killed inside C_Login, or an answer that may
 * mean a wrong PIN (some modules say CKR_FUNCTION_FAILED), has used it up. A right PIN takes the whole count back.
 *
 * @throws Error what the module answered, or that the try cannot be counted
 */
export function logIn(tries: PinTries | undefined, login: () => void): void {
  tries?.begin();
  try {
    login();
  } catch (error) {
    if (NO_WRONG_PIN.has(ckrName(error) ?? '')) tries?.takeBack();
    throw error;
  }
  tries?.forget();
}
