/**
 * Entry of the child process that initialises one development token. It inherits two descriptors: the security
 * officer's PIN and the user's PIN. It does one job, answers once, and ends.
 */
import { SessionFlag, TokenFlag, UserType, type Module } from 'graphene-pk11';
import { z } from 'zod';
import { FIRST_INHERITED_DESCRIPTOR } from '../host-process.js';
import { pkcs11ProfileSchema, tokenLabelSchema } from '../profile.js';
import { loadModule, readPin, slots, slotsWithLabel } from './module.js';

const orderSchema = z.strictObject({
  profile: pkcs11ProfileSchema,
  tokenLabel: tokenLabelSchema,
  /** True when the PIN files were made just now: then no token can know them yet. */
  pinsAreNew: z.boolean(),
});

export interface TokenInitAnswer {
  readonly ok: boolean;
  readonly detail: string;
  /** True when no token was touched with the PINs: files that hold new ones are of no use. */
  readonly pinsUnused: boolean;
  /** The token's serial number; empty when there is no token. */
  readonly serial: string;
}

const LABEL_BYTES = 32;

function initialise(message: unknown): TokenInitAnswer {
  const { profile, tokenLabel, pinsAreNew } = orderSchema.parse(message);
  const soPin = readPin(FIRST_INHERITED_DESCRIPTOR);
  const userPin = readPin(FIRST_INHERITED_DESCRIPTOR + 1);
  const module = loadModule(profile);
  try {
    const existing = slotsWithLabel(module, tokenLabel);
    if (existing.length > 1) return refusal(`${existing.length} tokens have this label`);
    if (existing.length === 1 && pinsAreNew) return refusal('it exists, but its PIN files do not: restore them');
    if (existing.length === 0) formatFreeSlot(module, tokenLabel, soPin);
    setUserPin(module, tokenLabel, soPin, userPin);
    const serial = slotsWithLabel(module, tokenLabel)[0]?.getToken().serialNumber.trim() ?? '';
    return { ok: true, detail: existing.length === 1 ? 'kept' : 'made', pinsUnused: false, serial };
  } finally {
    module.finalize();
  }
}

const refusal = (detail: string): TokenInitAnswer => ({ ok: false, detail, pinsUnused: true, serial: '' });

function formatFreeSlot(module: Module, label: string, soPin: string): void {
  const free = slots(module).find((slot) => (slot.getToken().flags & TokenFlag.TOKEN_INITIALIZED) === 0);
  if (free === undefined) throw new Error('the module has no free slot for a new token');
  // Not graphene's slot.initToken: it throws after the token is made, as the binding answers nothing. The binding hands
  // over the bare string, of which the module reads 32 bytes, so an unpadded label would be read past its end.
  free.lib.C_InitToken(free.handle, soPin, label.padEnd(LABEL_BYTES, ' '));
}

/** Sets the user's PIN unless an earlier run did. A run that was killed in between is taken up here. */
function setUserPin(module: Module, label: string, soPin: string, userPin: string): void {
  const [slot] = slotsWithLabel(module, label);
  if (slot === undefined) throw new Error(`the new token ${label} is not found`);
  if ((slot.getToken().flags & TokenFlag.USER_PIN_INITIALIZED) !== 0) return;
  const session = slot.open(SessionFlag.SERIAL_SESSION | SessionFlag.RW_SESSION);
  session.login(soPin, UserType.SO);
  session.initPin(userPin);
  session.logout();
  session.close();
}

process.once('message', (message) => {
  let answer: TokenInitAnswer;
  try {
    answer = initialise(message);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    answer = { ok: false, detail, pinsUnused: false, serial: '' };
  }
  process.send?.(answer, () => {
    process.disconnect();
  });
});
