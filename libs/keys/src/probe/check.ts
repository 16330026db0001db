import { type Finding } from './finding.js';
import { type ProbeOrder } from './probe-protocol.js';
import { type ProbePair, type ProbedToken } from './probed-token.js';

export interface Workbench {
  readonly token: ProbedToken;
  readonly order: ProbeOrder;
  readonly pin: string;
  /** The first key pair that signed rightly: what later checks use, secp256k1 where there is one. */
  pair: ProbePair | undefined;
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

/** The pair that later checks need. */
export function pairOf({ pair }: Workbench): ProbePair {
  if (pair === undefined) throw new Error('no curve signs');
  return pair;
}
