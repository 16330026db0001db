import { participantsOf, type FrostGroup, type SessionTerms, type SignedMessage } from '@bulkhead/keys';
import { orThrow, type Result } from '@bulkhead/intent';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import type { MpcFirm } from './mpc-firm.js';

export type ReshareTerms = Extract<SessionTerms, { purpose: 'reshare' }>;
type Messages = Result<readonly SignedMessage[]>;

/** What came of a session. */
export interface RanSession {
  readonly group: FrostGroup;
  readonly confirmations: readonly SignedMessage[];
}

/** Sessions that deal shares of alpha-tap anew, step by step, as whoever carries the messages can run them. */
export class MpcSessions {
  private count = 0;

  constructor(private readonly firm: MpcFirm) {}

  /** Terms of a session of its own, by the wallet's permit unless told otherwise. */
  termsOf(changes: Pick<ReshareTerms, 'previous' | 'members'> & Partial<ReshareTerms>): ReshareTerms {
    return {
      purpose: 'reshare',
      session: (this.count += 1).toString(16).padStart(64, '0'),
      group: 'alpha-tap',
      threshold: 2,
      dealers: ['signer-a', 'signer-b'],
      permit: this.firm.processes.charter.state.resharings.get('alpha-tap')?.number ?? 1,
      ...changes,
    };
  }

  announced(terms: SessionTerms): Promise<readonly SignedMessage[]> {
    return this.round(terms, (id) => this.firm.member(id).announce(terms));
  }

  dealt(terms: SessionTerms, messages: readonly SignedMessage[]): Promise<readonly SignedMessage[]> {
    return this.round(terms, (id, heard) => this.firm.member(id).deal(terms.session, heard), messages);
  }

  async run(terms: SessionTerms): Promise<RanSession> {
    const deals = await this.dealt(terms, await this.announced(terms));
    const confirm = (id: SignerName, heard: readonly SignedMessage[]) =>
      this.firm.member(id).confirm(terms.session, heard);
    const confirmations = await this.round(terms, confirm, deals);
    return { group: groupOf(confirmations), confirmations };
  }

  prove(id: SignerName, { group, confirmations }: RanSession) {
    return this.firm.member(id).prove(group, heardBy(id, confirmations));
  }

  activate(id: SignerName, { group, confirmations }: RanSession) {
    return this.firm.member(id).activate(group, heardBy(id, confirmations));
  }

  /** The same step of everybody who takes part, each with what the others have told it. */
  private async round(
    terms: SessionTerms,
    step: (id: SignerName, heard: readonly SignedMessage[]) => Promise<Messages>,
    before: readonly SignedMessage[] = [],
  ): Promise<readonly SignedMessage[]> {
    const everybody = participantsOf(terms) as SignerName[];
    const answers = await Promise.all(everybody.map((id) => step(id, heardBy(id, before))));
    return answers.flatMap((answer) => orThrow(answer));
  }
}

/** What of these messages is for one member. */
export const heardBy = (id: string, messages: readonly SignedMessage[]): SignedMessage[] =>
  messages.filter(({ message }) => message.from !== id && (message.to ?? id) === id);

function groupOf([first]: readonly SignedMessage[]): FrostGroup {
  if (first?.message.body.kind !== 'confirm') throw new Error('nothing was confirmed');
  return first.message.body.group;
}
