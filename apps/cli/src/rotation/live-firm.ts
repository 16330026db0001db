import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Quorum } from '@bulkhead/approval';
import { charterIntentSchema, governedBy, quorumFor, type Act, type CharterState } from '@bulkhead/charter';
import { canonicalJson, type IntentPurpose } from '@bulkhead/intent';
import { ApiClient } from '../api/api-client.js';
import { CustodyClient, type CharterIntentView } from '../api/custody-client.js';
import type { MemberDevice } from '../members/member-device.js';
import { CharterReader } from '../operator/charter-replica.js';
import type { Workplace } from '../operator/workplace.js';
import { Failure } from '../stack/index.js';
import type { Movers } from './rotate-wallet.js';
import { approversOf, initiatorOf, othersHere } from './who-decides.js';

const LOOK_EVERY_MS = 500;

/** A firm that runs, and the people who rotate a key of it: with devices here, and wherever else they approve. */
export class LiveFirm {
  readonly client: CustodyClient;
  private readonly reader: CharterReader;

  constructor(
    readonly workplace: Workplace,
    readonly log: (line: string) => void,
  ) {
    this.client = new CustodyClient(new ApiClient(workplace.url));
    this.reader = new CharterReader({ client: this.client, device: this.asking, firm: workplace.firm });
  }

  /** Who asks the API for what is decided nowhere. */
  get asking(): MemberDevice {
    const [first = ''] = this.workplace.members;
    return this.workplace.device(first);
  }

  /** The charter as this place verifies it, entry by entry, from the genesis of the ceremony. */
  charter(): Promise<CharterState> {
    return this.reader.now();
  }

  /**
   * Sees to it that an act is in force: proposes it unless it is there, and puts it into force when its delay is over.
   *
   * @param isInForce whether the charter has what the act would bring
   * @throws Failure while it waits out its delay: the same command goes on when its time has come
   */
  async bring(isInForce: (state: CharterState) => boolean, act: Act, owner?: string): Promise<void> {
    const before = await this.charter();
    if (isInForce(before)) return;
    if (!waiting(before, act)) await this.enact(act, owner);
    const state = await this.charter();
    if (isInForce(state)) return;
    const found = waiting(state, act);
    if (!found) throw new Error(`${act.kind} is enacted, and not in force`);
    const [intent, { notBefore }] = found;
    if (new Date().toISOString() < notBefore) {
      throw new Failure(`${act.kind} waits out its delay until ${notBefore}.`, 'The same command goes on then.');
    }
    await this.enact({ kind: 'pending.enact', intent }, owner);
  }

  /**
   * Proposes an act, or takes up the proposal of just this that waits, approves it with the devices that are here, and
   * waits for those that it needs besides.
   *
   * @throws Failure when it is rejected, or nobody approves it in time
   */
  async enact(act: Act, owner?: string): Promise<void> {
    const state = await this.charter();
    const quorum = decides(state, act);
    let view =
      (await this.proposalOf(act)) ?? (await this.client.proposeAct(this.initiator(state, quorum), act, owner));
    const spoken = view.approvals.filter(({ stands }) => stands).map(({ member }) => member);
    const others = othersHere(state, this.workplace.members, [view.intent.initiator, ...spoken]);
    for (const { id } of approversOf(quorum, others, state)) {
      if (view.status === 'PENDING_APPROVAL') view = await this.client.approveAct(this.workplace.device(id), view);
    }
    view = await this.untilDecided(view);
    if (view.status !== 'ENACTED') {
      const why = view.refusal ? `${view.refusal.code}: ${view.refusal.detail}` : 'too few have approved it in time';
      throw new Failure(`${act.kind} is ${view.status}: ${why}`, 'The same command proposes it anew.');
    }
  }

  /** Those who move a wallet by transfers of one purpose. */
  async movers(purpose: IntentPurpose): Promise<Movers> {
    const state = await this.charter();
    const quorum = quorumFor(state, `transfer.${purpose}`);
    if (!quorum) throw new Failure(`The charter names nobody who decides ${purpose}.`);
    const proposer = this.initiator(state, quorum);
    const others = othersHere(state, this.workplace.members, [proposer.id]);
    // policies may name quorums of their own: whoever else is here is asked last
    const approvers = new Set([...approversOf(quorum, others, state), ...others]);
    return {
      client: this.client,
      proposer,
      approvers: [...approvers].map(({ id }) => this.workplace.device(id)),
      charter: () => this.charter(),
      enact: (act, owner) => this.enact(act, owner),
      freshAddress: (wallet) => this.freshAddress(wallet),
      log: this.log,
    };
  }

  /** A fresh receive address of a Bitcoin wallet. */
  async freshAddress(wallet: string): Promise<string> {
    return (await this.post<{ address: string }>(`/v1/wallets/${wallet}/addresses`, {})).address;
  }

  get<T>(path: string): Promise<T> {
    return this.client.api.get<T>(path, this.asking.apiToken);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.client.api.post<T>(path, this.asking.apiToken, body);
  }

  private initiator(state: CharterState, quorum: Quorum): MemberDevice {
    return this.workplace.device(initiatorOf(state, quorum, this.workplace.members));
  }

  /** From before an interruption. It is taken up only if it does the very same, though a proof in it may be another. */
  private async proposalOf(act: Act): Promise<CharterIntentView | undefined> {
    const all = await this.client.charterIntents(this.asking);
    const open = all.filter(({ status }) => status === 'PENDING_APPROVAL');
    return open
      .map((view) => ({ ...view, intent: charterIntentSchema.parse(view.intent) }))
      .find(({ intent }) => intent.firm === this.workplace.firm && deed(intent.act) === deed(act));
  }

  private async untilDecided(proposed: CharterIntentView): Promise<CharterIntentView> {
    let view = proposed;
    if (view.status === 'PENDING_APPROVAL') {
      this.log(`  ${view.intent.act.kind} still needs: ${view.missing ?? 'to be enacted'}`);
      this.log(
        `  npx bulkhead charter approve ${view.id} --as <member>, or in the console, until ${view.intent.expiresAt}`,
      );
    }
    while (view.status === 'PENDING_APPROVAL') {
      await sleep(LOOK_EVERY_MS);
      view = await this.client.charterIntent(this.asking, view.id);
    }
    return view;
  }
}

function decides(state: CharterState, act: Act): Quorum {
  const quorum = act.kind === 'genesis' ? undefined : quorumFor(state, governedBy(state, act));
  if (!quorum) throw new Failure(`The charter names nobody who decides ${act.kind}.`);
  return quorum;
}

/** Acts about a client stand on that client's chain. */
export const chainOwner = ({ owners }: CharterState, owner: string): string | undefined =>
  owners.get(owner)?.estate === 'CLIENT' ? owner : undefined;

export const freshNonce = (): string => randomBytes(32).toString('hex');

/** What of this kind and about the same thing waits out its delay. */
function waiting({ pending }: CharterState, act: Act) {
  const about = subjectOf(act);
  return [...pending].find(([, waits]) => waits.act.kind === act.kind && subjectOf(waits.act) === about);
}

function subjectOf(act: Act): string {
  if (act.kind === 'signer.enrol') return act.signer.id;
  return act.kind === 'wallet.replace-key' || act.kind === 'mpc-wallet.reshare' ? act.wallet : '';
}

/** What an act brings: that a key is held is proven anew each time. */
function deed(act: Act): string {
  return canonicalJson(act.kind === 'wallet.replace-key' ? { ...act, proof: null } : act);
}
