import { refused, type Result } from '@bulkhead/intent';
import { type FrostGroup, type FrostKey } from './group.js';
import { type BodyOf } from './message.js';

export type Dealer = BodyOf<'announce'>['dealer'];

/** What a session has come to: a new key, or none for a dealer that leaves the group. */
export interface Outcome {
  readonly group: FrostGroup;
  readonly key: FrostKey | undefined;
}

/** The mathematics of a session, without its messages. */
export interface Dealing {
  /** What this member tells everybody; null when it deals nothing. The same each time. */
  announce(): Dealer;
  /** Takes what the others have announced. */
  hear(dealers: ReadonlyMap<string, Dealer>): Result<true>;
  /** What a member gets from this one, 32 secret bytes. */
  shareFor(member: string): Uint8Array | undefined;
  /** Takes what each dealer has given to this member. */
  conclude(shares: ReadonlyMap<string, Uint8Array>): Result<Outcome>;
  forget(): void;
}

/** A member has signed what is wrong: nobody else can have made it so. */
export const blamed = (member: string, problem: string): Result<never> =>
  refused('mpc.member-blamed', 'A member of the group did not keep to the protocol.', { member, problem });

export const failed = (error: unknown): Result<never> =>
  refused('mpc.message-invalid', 'The messages of this session do not come to what they should.', {
    problem: error instanceof Error ? error.message : 'unknown',
  });
