import { SessionFlag, TokenFlag, UserType, type Module, type Session } from 'graphene-pk11';
import { type PinTries } from '../pin-tries.js';
import { type Pkcs11Profile } from '../profile.js';
import { logIn } from './counted-login.js';
import { HostFailure, ckrName, loadModule, slotsWithLabel } from './module.js';
import { type TokenInfo } from './protocol.js';

export interface TokenSession {
  readonly module: Module;
  readonly session: Session;
  readonly info: TokenInfo;
}

/** Answers to C_Login that another try with the same PIN would not change, or would make worse. */
const PIN_REFUSALS: ReadonlySet<string> = new Set([
  'CKR_PIN_INCORRECT',
  'CKR_PIN_INVALID',
  'CKR_PIN_LEN_RANGE',
  'CKR_PIN_EXPIRED',
  'CKR_PIN_LOCKED',
  'CKR_USER_PIN_NOT_INITIALIZED',
]);

/**
 * Loads the module, finds the one token of the label and logs in as its user, with one try that is counted.
 *
 * @throws HostFailure with what stands in the way
 */
export function openToken(profile: Pkcs11Profile, label: string, pin: string, tries: PinTries): TokenSession {
  const module = loadModule(profile);
  const [slot, second] = slotsWithLabel(module, label);
  if (slot === undefined) throw new HostFailure('token', `no token is labelled ${label}`);
  if (second !== undefined) throw new HostFailure('token', `more than one token is labelled ${label}`);
  const token = slot.getToken();
  if ((token.flags & (TokenFlag.USER_PIN_LOCKED | TokenFlag.USER_PIN_FINAL_TRY)) !== 0)
    throw new HostFailure('pin', 'the token is locked, or would be after one more wrong PIN', 'CKR_PIN_LOCKED');
  try {
    const session = slot.open(SessionFlag.SERIAL_SESSION | SessionFlag.RW_SESSION);
    logIn(tries, () => {
      session.login(pin, UserType.USER);
    });
    const { serialNumber, manufacturerID, model } = token;
    return { module, session, info: { label, serial: serialNumber, manufacturer: manufacturerID, model } };
  } catch (error) {
    const ckr = ckrName(error);
    const reason = ckr !== undefined && PIN_REFUSALS.has(ckr) ? 'pin' : 'token';
    throw new HostFailure(reason, `the token refuses the login: ${ckr ?? String(error)}`, ckr);
  }
}
