import type { KeyObject } from 'node:crypto';
import { signStatement, type Approval, type Decision } from '@bulkhead/approval';
import { firmHead, type CharterState } from '@bulkhead/charter';
import type { Digest } from '@bulkhead/intent';
import { readMemberKey } from '../members/key-file.js';
import { Failure } from '../stack/index.js';

/** A member at a machine that runs nothing of the firm: their key in a file, and the charter of a recovery kit. */
export class OfflineMember {
  private constructor(
    readonly id: string,
    private readonly key: string,
    private readonly privateKey: KeyObject,
    private readonly state: CharterState,
  ) {}

  /** @throws Failure when the charter does not know the member by this key */
  static async of(state: CharterState, id: string, keyFile: string): Promise<OfflineMember> {
    const { privateKey, publicKey } = await readMemberKey(keyFile);
    const key = state.members.get(id)?.keys.find((candidate) => candidate.publicKey === publicKey);
    if (!key) throw new Failure(`The charter does not know ${id} by the key in ${keyFile}.`);
    return new OfflineMember(id, key.id, privateKey, state);
  }

  /** A statement about exact bytes, good until `expiresAt`. */
  say(decision: Decision, intent: Digest, payload: Digest, expiresAt: string): Approval {
    const { firm } = this.state;
    const charterSequence = firmHead(this.state).sequence;
    return signStatement(
      { v: 1, decision, firm, intent, payload, charterSequence, member: this.id, key: this.key, expiresAt },
      this.privateKey,
    );
  }
}
