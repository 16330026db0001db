import { existsSync, fstatSync, readFileSync, readSync } from 'node:fs';
import { Module, TokenFlag, type Slot } from 'graphene-pk11';
import pkcs11 from 'pkcs11js';
import { type Pkcs11Profile } from '../profile.js';

/** Something that keeps the token from being used and that a person must put right. */
export class HostFailure extends Error {
  constructor(
    readonly reason: 'module' | 'token' | 'pin',
    message: string,
    readonly ckr?: string,
  ) {
    super(message);
  }
}

const MOST_PIN_BYTES = 256;

/** The CKR_ name of a PKCS#11 error, `undefined` for any other error. */
export function ckrName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return /\bCKR_[A-Z0-9_]+/.exec(error.message)?.[0];
}

/** Loads the first library of the profile that is installed and initialises it (C_Initialize with OS locking). */
export function loadModule(profile: Pkcs11Profile): Module {
  const library = profile.libraries.find((path) => existsSync(path));
  if (library === undefined)
    throw new HostFailure('module', `no PKCS#11 library of ${profile.name} at ${profile.libraries.join(', ')}`);
  try {
    const module = Module.load(library, profile.name);
    module.initialize(initialisation(profile.libraryParameters));
    return module;
  } catch (error) {
    throw new HostFailure('module', `${library} does not start: ${String(error)}`, ckrName(error));
  }
}

/** Our threads may call at once; the module locks by the system's means (PKCS#11 v2.40 section 5.4). */
export const initialisation = (libraryParameters: string | undefined): pkcs11.InitializationOptions => ({
  flags: pkcs11.CKF_OS_LOCKING_OK,
  ...(libraryParameters === undefined ? {} : { libraryParameters }),
});

/** All slots with an initialised token of the label. Slot numbers change between starts, labels do not. */
export function slotsWithLabel(module: Module, label: string): Slot[] {
  return slots(module).filter((slot) => {
    const token = slot.getToken();
    return (token.flags & TokenFlag.TOKEN_INITIALIZED) !== 0 && token.label === label;
  });
}

export function slots(module: Module): Slot[] {
  const collection = module.getSlots(true);
  return Array.from({ length: collection.length }, (_, index) => collection.items(index));
}

/**
 * Reads a PIN from an inherited descriptor, a file from its beginning, so that it can be read again; one trailing line
 * break is not part of it.
 */
export function readPin(descriptor: number): string {
  const bytes = fstatSync(descriptor).isFile() ? readFromStart(descriptor) : readFileSync(descriptor);
  const pin = bytes.toString('utf8').replace(/\r?\n$/, '');
  bytes.fill(0);
  return pin;
}

function readFromStart(descriptor: number): Buffer {
  const room = Buffer.alloc(MOST_PIN_BYTES);
  return room.subarray(0, readSync(descriptor, room, 0, MOST_PIN_BYTES, 0));
}
