import {
  frostGroupSchema,
  signedMessageSchema,
  type ControlStatement,
  type FrostGroup,
  type SessionTerms,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, digestSchema, slugSchema, type Result } from '@bulkhead/intent';
import { signedDecisionSchema, type TransferRequest } from '@bulkhead/policy';
import { z } from 'zod';
import type { DecidedResult, SignerClient } from './signer-client.js';

const messagesSchema = z.strictObject({ messages: z.array(signedMessageSchema).max(9) });
const activeSchema = z.strictObject({ group: frostGroupSchema });
const heldSchema = activeSchema.extend({ confirmations: z.array(signedMessageSchema).max(9) });
/** A group as a member uses it, and what all members have confirmed of it, where they were asked to. */
export type HeldGroup = z.infer<typeof heldSchema>;
const provenSchema = z.strictObject({ signer: slugSchema, publicKey: z.string(), proof: z.string() });
/** A new member's verifying share, and the proof that it keeps it: what a `mpc-wallet.switch` act names. */
export type ProvenShare = z.infer<typeof provenSchema>;
const releasedSchema = z.strictObject({ released: z.literal(true) });
const completedSchema = z.strictObject({ completed: z.literal(true) });
const shareProofSchema = z.strictObject({
  signer: slugSchema,
  wallet: slugSchema,
  group: frostGroupSchema,
  /** Verified by whoever asked for it. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type MemberShareProof = z.infer<typeof shareProofSchema>;
const shareSchema = z.strictObject({
  signer: slugSchema,
  wallet: slugSchema,
  payloadDigest: digestSchema,
  message: signedMessageSchema,
  decision: signedDecisionSchema,
});
const promiseSchema = shareSchema.extend({ group: frostGroupSchema });
export type MemberPromise = z.infer<typeof promiseSchema>;
export type MemberShare = z.infer<typeof shareSchema>;

/** A signature of a group, on its way to those whose shares it is made of. */
export interface Completion {
  readonly wallet: string;
  readonly id: string;
  readonly signatures: readonly { readonly inputIndex: number; readonly signature: string }[];
}

/** A signer as a member of MPC groups. What it says to other members is signed by it, and what is secret encrypted. */
export class MpcMember {
  readonly id: string;

  constructor(private readonly client: SignerClient) {
    this.id = client.id;
  }

  group(wallet: string): Promise<Result<HeldGroup>> {
    return this.client.ask('GET', `/v1/mpc/groups/${wallet}`, undefined, heldSchema);
  }

  /** That it holds its share now, and of which group. */
  proveShare(statement: ControlStatement): Promise<Result<MemberShareProof>> {
    return this.client.ask('POST', '/v1/mpc/proofs', statement, shareProofSchema);
  }

  announce(terms: SessionTerms): Promise<Result<readonly SignedMessage[]>> {
    return this.messages('announce', terms);
  }

  deal(session: string, messages: readonly SignedMessage[]): Promise<Result<readonly SignedMessage[]>> {
    return this.messages('deal', { session, messages });
  }

  confirm(session: string, messages: readonly SignedMessage[]): Promise<Result<readonly SignedMessage[]>> {
    return this.messages('confirm', { session, messages });
  }

  activate(group: FrostGroup, messages: readonly SignedMessage[]): Promise<Result<{ readonly group: FrostGroup }>> {
    return this.client.ask('POST', '/v1/mpc/groups/activate', { group, messages }, activeSchema);
  }

  prove(group: FrostGroup, messages: readonly SignedMessage[]): Promise<Result<ProvenShare>> {
    return this.client.ask('POST', '/v1/mpc/shares/proofs', { group, messages }, provenSchema);
  }

  async using(wallet: string): Promise<Result<readonly SignedMessage[]>> {
    const answer = await this.client.ask('POST', '/v1/mpc/shares/using', { wallet }, messagesSchema);
    return answer.ok ? accepted(answer.value.messages) : answer;
  }

  release(wallet: string, messages: readonly SignedMessage[]): Promise<Result<{ readonly released: true }>> {
    return this.client.ask('POST', '/v1/mpc/shares/release', { wallet, messages }, releasedSchema);
  }

  promise(request: TransferRequest): Promise<DecidedResult<MemberPromise>> {
    return this.client.askAboutTransfer('/v1/mpc/sign/promise', request, request, promiseSchema);
  }

  share(request: TransferRequest, promises: readonly SignedMessage[]): Promise<DecidedResult<MemberShare>> {
    return this.client.askAboutTransfer('/v1/mpc/sign/share', { request, promises }, request, shareSchema);
  }

  complete(completion: Completion): Promise<Result<{ readonly completed: true }>> {
    return this.client.ask('POST', '/v1/mpc/sign/complete', completion, completedSchema);
  }

  private async messages(step: string, body: unknown): Promise<Result<readonly SignedMessage[]>> {
    const answer = await this.client.ask('POST', `/v1/mpc/groups/${step}`, body, messagesSchema);
    return answer.ok ? accepted(answer.value.messages) : answer;
  }
}
