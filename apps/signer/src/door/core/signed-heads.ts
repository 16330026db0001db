import { Injectable } from '@nestjs/common';
import { digestJson } from '@bulkhead/intent';
import type { Seal } from '@bulkhead/policy';
import { CharterReplica, type ReplicaHeads } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { IdentitySeal } from '../../identity-seal.js';
import { SignerIdentity } from '../../signer-identity.js';

/** How far this signer's charter is, as whoever asked can prove to others: `bulkhead/signer-heads/v1`. */
export interface SignedHeads extends Seal {
  readonly statement: ReplicaHeads & {
    readonly v: 1;
    readonly signer: string;
    /** The asker's own. */
    readonly nonce: string;
    readonly at: string;
  };
}

@Injectable()
export class HeadsWitness {
  constructor(
    private readonly charter: CharterReplica,
    private readonly identity: SignerIdentity,
    private readonly seal: IdentitySeal,
    private readonly clock: Clock,
  ) {}

  heads(nonce: string): SignedHeads {
    const statement = { v: 1 as const, signer: this.identity.id, nonce, at: this.clock.now(), ...this.charter.heads() };
    return { statement, ...this.seal.over(digestJson('bulkhead/signer-heads/v1', statement)) };
  }
}
