import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SofthsmFolder, softhsmToken } from './softhsm.js';

/** The codes of PKCS#11 v2.40 that the shim is told to answer. */
export const CKR = {
  HOST_MEMORY: 0x02,
  FUNCTION_FAILED: 0x06,
  DEVICE_ERROR: 0x30,
  DEVICE_REMOVED: 0x32,
  PIN_LOCKED: 0xa4,
} as const;

/** CKA_MODIFIABLE (PKCS#11 v2.40, appendix A). */
export const CKA_MODIFIABLE = 0x170;

/** What a token says of its user's PIN (PKCS#11 v2.40 section 3.2, CK_TOKEN_INFO). */
export const CKF = { USER_PIN_COUNT_LOW: 0x10000, USER_PIN_FINAL_TRY: 0x20000, USER_PIN_LOCKED: 0x40000 } as const;

export type Fault =
  | `C_${string} ${'flip' | 'hold' | 'crash' | 'kill' | 'logout' | 'close' | 'reinitialise'}`
  | `C_${string} hang ${number}`
  | `C_${string} error ${number}`
  | `C_GetTokenInfo ${'flags' | 'longest-pin'} ${number}`
  | `C_GenerateKeyPair strip ${number}`;

/** A module that does harm on demand, before the real one of a token. */
export interface Shim extends Pick<SofthsmFolder, 'profile' | 'env'> {
  /** From the next call of that function on, until `heal`. */
  inflict: (fault: Fault) => void;
  heal: () => void;
  /** A call is inside the module and `hold` keeps it there. */
  isHeld: () => boolean;
}

export interface ShimmedToken extends SofthsmFolder, Omit<Shim, 'profile' | 'env'> {
  /** The same token without the shim, for another process that no fault strikes. */
  readonly unshimmed: Pick<SofthsmFolder, 'profile' | 'env'>;
}

/** A SoftHSM token behind {@link shimOver}. */
export async function shimmedToken(name: string): Promise<ShimmedToken> {
  const token = await softhsmToken(name);
  return { ...token, ...shimOver(token, token.folder), unshimmed: { profile: token.profile, env: token.env } };
}

/**
 * A SoftHSM token's module behind one of our own that does harm on demand: pkcs11-shim.c, compiled into a folder with the
 * C compiler that the PKCS#11 binding needs anyway.
 */
export function shimOver(token: Pick<SofthsmFolder, 'profile' | 'env'>, folder: string): Shim {
  const library = join(folder, 'shim.so');
  const control = join(folder, 'fault');
  const headers = join(import.meta.dirname, '..', '..', 'node_modules', 'pkcs11js', 'includes', 'pkcs11');
  const source = join(import.meta.dirname, 'pkcs11-shim.c');
  execFileSync(process.env['CC'] ?? 'cc', ['-shared', '-fPIC', '-O1', '-I', headers, '-o', library, source, '-ldl']);
  const real = token.profile.libraries.find((path) => path.includes('softhsm')) ?? '';
  return {
    profile: {
      ...token.profile,
      name: 'SoftHSM 2 behind a shim',
      libraries: [library],
      environment: [...token.profile.environment, 'SHIM_MODULE', 'SHIM_CONTROL'],
    },
    env: { ...token.env, SHIM_MODULE: real, SHIM_CONTROL: control },
    inflict: (fault) => {
      // as a whole: a call may look at any moment
      writeFileSync(`${control}.next`, `${fault}\n`);
      renameSync(`${control}.next`, control);
    },
    heal: () => {
      rmSync(control, { force: true });
      rmSync(`${control}.held`, { force: true });
    },
    isHeld: () => existsSync(`${control}.held`),
  } as Shim;
}
