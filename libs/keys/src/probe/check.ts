import { type Finding } from './finding.js';
import { type ProbeOrder } from './probe-protocol.js';
import { type Pkcs11Profile } from '../profile.js';
import { type ProbePair, type ProbedToken } from './probed-token.js';

export interface Workbench {
  readonly token: ProbedToken;
  readonly order: ProbeOrder;
  readonly pin: string;
  /** The first key pair that signed rightly: what later checks use, secp256k1 where there is one. */
  pair: ProbePair | undefined;
  /** The form of CKA_EC_POINT of the secp256k1 key that was tried. */
  ecPoint: Pkcs11Profile['ecPoint'] | undefined;
}

export interface Check {
  /** `area.subject`, as its finding. */
  readonly name: string;
  readonly needed: boolean;
  /** Throws when the module refuses what it does: that is then `missing`, with the CKR_ code. */
  readonly run: (bench: Workbench) => Observed;
}

export interface Observed {
  readonly outcome: Finding['outcome'];
  readonly detail: string;
  readonly facts?: Record<string, string>;
}

/** The profile to be tried; where there is none, what the standard says and the module has shown. */
export function profileOf({ order, ecPoint = 'der-octet-string' }: Workbench): Pkcs11Profile {
  const mechanisms = { generateKeyPair: 'CKM_EC_KEY_PAIR_GEN', sign: 'CKM_ECDSA' };
  const module = { name: 'no profile', libraries: [order.library], environment: [] };
  return order.profile ?? { ...module, curveOid: '06052b8104000a', ecPoint, mechanisms };
}

/** The pair that later checks need. */
export function pairOf({ pair }: Workbench): ProbePair {
  if (pair === undefined) throw new Error('no curve signs');
  return pair;
}
