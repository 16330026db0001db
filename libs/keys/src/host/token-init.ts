/**
 * Entry of the child process that initialises one development token, or says how long its PINs may be. For the first it
 * inherits two descriptors: the security officer's PIN and the user's PIN. It does one job, answers once, and ends.
 */
import { SessionFlag, TokenFlag, UserType, type Module, type Slot } from 'graphene-pk11';
import { z } from 'zod';
import { FIRST_INHERITED_DESCRIPTOR } from '../host-process.js';
import { pkcs11ProfileSchema, tokenLabelSchema } from '../profile.js';
import { loadModule, readPin, slots, slotsWithLabel } from './module.js';

const terms = { profile: pkcs11ProfileSchema, tokenLabel: tokenLabelSchema } as const;
const orderSchema = z.discriminatedUnion('task', [
  z.strictObject({ ...terms, task: z.literal('pin-lengths') }),
  z.strictObject({
    ...terms,
    task: z.literal('initialise'),
    /** True when the PIN files were made just now: then no token can know them yet. */
    pinsAreNew: z.boolean(),
  }),
]);
type Order<Task> = Extract<z.infer<typeof orderSchema>, { readonly task: Task }>;

export interface TokenInitAnswer {
  readonly ok: boolean;
  readonly detail: string;
  /** True when no token was touched with the PINs: files that hold new ones are of no use. */
  readonly pinsUnused: boolean;
  /** The token's serial number; empty when there is no token. */
  readonly serial: string;
}

/** How many characters a PIN of the token may have. */
export interface PinLengths {
  readonly least: number;
  readonly most: number;
}

const LABEL_BYTES = 32;
/** Longer ones are in no PIN file. A module that has no limit says 0, one that does not know it says much more (3.1). */
const MOST_PIN_CHARACTERS = 255;

function carryOut(message: unknown): TokenInitAnswer | PinLengths {
  const order = orderSchema.parse(message);
  return order.task === 'initialise' ? initialise(order) : pinLengths(order);
}

/** As the token of the label says, or the blank one that would get it. */
function pinLengths({ profile, tokenLabel }: Order<'pin-lengths'>): PinLengths {
  const module = loadModule(profile);
  try {
    const [slot] = [...slotsWithLabel(module, tokenLabel), ...freeSlots(module)];
    const { minPinLen = 0, maxPinLen = 0 } = slot?.getToken() ?? {};
    const most = maxPinLen > 0 ? Math.min(maxPinLen, MOST_PIN_CHARACTERS) : MOST_PIN_CHARACTERS;
    return { least: minPinLen <= most ? minPinLen : 0, most };
  } finally {
    module.finalize();
  }
}

function initialise({ profile, tokenLabel, pinsAreNew }: Order<'initialise'>): TokenInitAnswer {
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

const freeSlots = (module: Module): Slot[] =>
  slots(module).filter((slot) => (slot.getToken().flags & TokenFlag.TOKEN_INITIALIZED) === 0);

function formatFreeSlot(module: Module, label: string, soPin: string): void {
  const [free] = freeSlots(module);
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
  let answer: TokenInitAnswer | PinLengths;
  try {
    answer = carryOut(message);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    answer = { ok: false, detail, pinsUnused: false, serial: '' };
  }
  process.send?.(answer, () => {
    process.disconnect();
  });
});
