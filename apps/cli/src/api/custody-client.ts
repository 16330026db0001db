import { randomUUID } from 'node:crypto';
import type { Approval, Decision } from '@bulkhead/approval';
import { clientChain, FIRM_CHAIN, type Act, type CharterIntent, type Head, intentAtEnd } from '@bulkhead/charter';
import {
  intentDigest,
  payloadDigest,
  type AssetId,
  type ChainId,
  type Digest,
  type Payload,
  type IntentPurpose,
  type Refusal,
  type TransferIntent,
} from '@bulkhead/intent';
import type { MemberDevice } from '../members/member-device.js';
import type { ApiClient } from './api-client.js';

const INTENT_LIFE_MS = 3_600_000;

export interface CharterView {
  readonly firm: Digest;
  readonly bitcoin: ChainId;
  readonly ethereum: ChainId;
  readonly heads: Readonly<Record<string, Head>>;
}

export interface CharterIntentView {
  readonly id: string;
  readonly status: 'PENDING_APPROVAL' | 'ENACTED' | 'REJECTED' | 'LAPSED';
  readonly intent: CharterIntent;
  readonly refusal: { readonly code: string; readonly detail: string } | null;
  /** What its quorum still lacks. */
  readonly missing: string | null;
  /** Enacted, and not in force before this. */
  readonly notBefore: string | null;
  readonly approvals: readonly { readonly member: string; readonly decision: Decision; readonly stands: boolean }[];
  /** Of the passkey that it would enrol. */
  readonly attestation: AttestationView | null;
}

export interface AttestationView {
  readonly format: string;
  readonly aaguid: string;
  readonly certificates: readonly { readonly subject: string; readonly issuer: string }[];
}

export interface PreviewView {
  readonly chain: string;
  readonly governedBy: string | null;
  readonly delaySeconds: number;
  readonly refusal: Refusal | null;
}

export interface TransferView {
  readonly id: string;
  readonly state: string;
  readonly intent: TransferIntent;
  readonly intentDigest: Digest;
  /** The initiator's signature over the intent. */
  readonly proposal: Approval;
  readonly payload: Payload | null;
  readonly payloadDigest: Digest | null;
  /** What the bytes do, as the orchestrator decoded them: for reading, never what a word is given on. */
  readonly decoded: {
    readonly sources: readonly { readonly resource: string; readonly address: string }[];
    readonly outputs: readonly { readonly address: string; readonly asset: AssetId; readonly amount: string }[];
    readonly fee: { readonly asset: AssetId; readonly amount: string };
    /** Of an owner swap: addresses of owners of the Safe. */
    readonly swap: { readonly retiring: string; readonly incoming: string } | null;
  } | null;
  readonly toApprove: {
    readonly firm: Digest;
    readonly intent: Digest;
    readonly payload: Digest;
    readonly charterSequence: number;
  } | null;
  readonly approvals: readonly { readonly member: string; readonly decision: Decision; readonly stands: boolean }[];
  readonly txId: string | null;
  readonly refusal: { readonly code: string; readonly detail: string } | null;
}

export interface TransferWish {
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  readonly to: string;
  readonly amount: bigint | string;
  readonly maxFee?: bigint | string;
  readonly purpose?: IntentPurpose;
  readonly memo?: string;
  /** A transfer that waits for approvals, in whose place this one is proposed: the same member rejects its bytes. */
  readonly replaces?: TransferView;
}

/** A transfer intent and its proposal, with the rejection of what it replaces. */
export interface SignedWish {
  readonly intent: TransferIntent;
  readonly proposal: Approval;
  readonly rejection?: Approval;
}

/** What members do, over the API: each call is made and signed by one member's device. */
export class CustodyClient {
  constructor(readonly api: ApiClient) {}

  charter(device: MemberDevice): Promise<CharterView> {
    return this.api.get<CharterView>('/v1/charter', device.apiToken);
  }

  charterIntents(device: MemberDevice): Promise<CharterIntentView[]> {
    return this.api.get<CharterIntentView[]>('/v1/charter/intents', device.apiToken);
  }

  charterIntent(device: MemberDevice, id: string): Promise<CharterIntentView> {
    return this.api.get<CharterIntentView>(`/v1/charter/intents/${id}`, device.apiToken);
  }

  /** What would decide an act and what stands against it, without proposing it. */
  previewAct(device: MemberDevice, act: Act): Promise<PreviewView> {
    return this.api.post<PreviewView>('/v1/charter/previews', device.apiToken, { act });
  }

  /** Proposes an act at the present head of its chain. @returns the API's view, of the very intent that was signed here */
  async proposeAct(device: MemberDevice, act: Act, client?: string): Promise<CharterIntentView> {
    const signed = this.signAct(device, await this.charter(device), act, client);
    const view = await this.api.post<CharterIntentView>('/v1/charter/intents', device.apiToken, signed);
    return { ...view, intent: signed.intent };
  }

  /** Signs the intent to add an act at the head of its chain as its initiator, without sending it. */
  signAct(
    device: MemberDevice,
    charter: CharterView,
    act: Act,
    client?: string,
  ): { intent: CharterIntent; proposal: Approval } {
    const firmHead = charter.heads[FIRM_CHAIN];
    if (!firmHead) throw new Error('the charter has no firm head');
    const chain = client === undefined ? FIRM_CHAIN : clientChain(client);
    const now = Date.now();
    const intent = intentAtEnd(charter.firm, (name) => charter.heads[name], {
      id: randomUUID(),
      chain,
      act,
      initiator: device.id,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + INTENT_LIFE_MS).toISOString(),
    });
    const digest = intentDigest(intent);
    const terms = { firm: charter.firm, intent: digest, payload: digest, charterSequence: firmHead.sequence };
    return { intent, proposal: device.say('PROPOSE', terms) };
  }

  approveAct(device: MemberDevice, view: Pick<CharterIntentView, 'id' | 'intent'>): Promise<CharterIntentView> {
    return this.decideAct(device, view, 'APPROVE');
  }

  /** The member's device signs the digest of the very intent that it was shown. */
  async decideAct(
    device: MemberDevice,
    { id, intent }: Pick<CharterIntentView, 'id' | 'intent'>,
    decision: Exclude<Decision, 'PROPOSE'>,
  ): Promise<CharterIntentView> {
    const digest = intentDigest(intent);
    const terms = {
      firm: intent.firm,
      intent: digest,
      payload: digest,
      charterSequence: intent.firmHead?.sequence ?? 0,
    };
    const view = await this.api.post<CharterIntentView>(`/v1/charter/intents/${id}/approvals`, device.apiToken, {
      approval: device.say(decision, terms),
    });
    return { ...view, intent };
  }

  /** Proposes an act and has it approved until it is enacted. Throws when it is not. */
  async enact(act: Act, initiator: MemberDevice, approvers: readonly MemberDevice[], client?: string): Promise<void> {
    let view = await this.proposeAct(initiator, act, client);
    for (const approver of approvers) {
      // what tightens takes fewer than are there
      if (view.status === 'PENDING_APPROVAL') view = await this.approveAct(approver, view);
    }
    if (view.status !== 'ENACTED') {
      throw new Error(`${act.kind} is ${view.status}: ${view.refusal?.code ?? 'more approvals are needed'}`);
    }
  }

  /** Signs a transfer intent as its initiator, without sending it. */
  async signIntent(device: MemberDevice, wish: TransferWish): Promise<SignedWish> {
    const charter = await this.charter(device);
    const now = Date.now();
    const intent: TransferIntent = {
      v: 1,
      kind: 'transfer',
      firm: charter.firm,
      id: randomUUID(),
      purpose: wish.purpose ?? 'PAYMENT',
      owner: wish.owner,
      wallet: wish.wallet,
      asset: wish.asset,
      to: wish.to,
      amount: wish.amount.toString(),
      maxFee: (wish.maxFee ?? 0n).toString(),
      memo: wish.memo ?? '',
      ...(wish.replaces && { replaces: intentDigest(wish.replaces.intent) }),
      initiator: device.id,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + INTENT_LIFE_MS).toISOString(),
    };
    const digest = intentDigest(intent);
    const charterSequence = charter.heads[FIRM_CHAIN]?.sequence ?? 0;
    const proposal = device.say('PROPOSE', { firm: charter.firm, intent: digest, payload: digest, charterSequence });
    if (!wish.replaces) return { intent, proposal };
    return { intent, proposal, rejection: device.say('REJECT', toDecideOn(wish.replaces)) };
  }

  async proposeTransfer(device: MemberDevice, wish: TransferWish, idempotencyKey?: string): Promise<TransferView> {
    const signed = await this.signIntent(device, wish);
    const key = idempotencyKey ?? signed.intent.id;
    const view = await this.api.post<TransferView>('/v1/transfers', device.apiToken, signed, key);
    return { ...view, intent: signed.intent };
  }

  transfer(device: MemberDevice, id: string): Promise<TransferView> {
    return this.api.get(`/v1/transfers/${id}`, device.apiToken);
  }

  /** The member's device signs the digests of the very intent and bytes that it was shown, and works them out itself. */
  approveTransfer(
    device: MemberDevice,
    view: TransferView,
    decision: Exclude<Decision, 'PROPOSE'> = 'APPROVE',
  ): Promise<TransferView> {
    const approval = device.say(decision, toDecideOn(view));
    return this.api.post(`/v1/transfers/${view.id}/approvals`, device.apiToken, { approval });
  }

  /** The initiator takes it back. */
  cancelTransfer(device: MemberDevice, view: TransferView): Promise<TransferView> {
    const rejection = device.say('REJECT', toDecideOn(view));
    return this.api.post(`/v1/transfers/${view.id}/cancellation`, device.apiToken, { rejection });
  }
}

/** What a word on exactly these bytes names: the digests are computed here, whatever anybody says they are. */
export const termsOn = (
  { intent, payload }: { readonly intent: TransferIntent; readonly payload: Payload },
  charterSequence: number,
): NonNullable<TransferView['toApprove']> => ({
  firm: intent.firm,
  intent: intentDigest(intent),
  payload: payloadDigest(payload),
  charterSequence,
});

/** The same of a transfer that waits for members' words. */
export function toDecideOn({
  id,
  state,
  intent,
  payload,
  toApprove,
}: TransferView): NonNullable<TransferView['toApprove']> {
  if (!toApprove || !payload) throw new Error(`transfer ${id} is ${state}: there are no bytes to approve or reject`);
  return termsOn({ intent, payload }, toApprove.charterSequence);
}
