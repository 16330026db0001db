import { SIGNER_NAMES } from '../stack/index.js';
import { intentDigest, payloadDigest, type Digest, type Payload } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { SignerClient } from '../../../orchestrator/src/signers/signer-client.js';
import type { TransferWish } from '../api/custody-client.js';
import type { MemberDevice } from '../members/member-device.js';
import type { Cast } from './cast.js';

/** How a forged request differs from one whose quorum has approved its very bytes. */
export interface Forgery {
  /** Who has signed; by default a full quorum. */
  readonly approvers?: readonly MemberDevice[];
  /** The payload digest that they have signed; by default that of the bytes. */
  readonly approvalsFor?: Digest;
}

const TIMEOUT_MS = 10_000;

/**
 * An orchestrator in an attacker's hands: it has the orchestrator's TLS identity, and here even the members' real
 * signatures, so that nothing but the rule under attack stands in its way.
 */
export class HostileOrchestrator {
  private readonly signers: readonly SignerClient[];

  constructor(private readonly cast: Cast) {
    const { stack } = cast;
    const identity = stack.tls.orchestrator;
    this.signers = SIGNER_NAMES.map(
      (id) =>
        new SignerClient(
          { id, url: `https://127.0.0.1:${stack.ports[id]}`, certFile: stack.tls[id].certificateFile },
          { keyFile: identity.keyFile, certFile: identity.certificateFile },
          TIMEOUT_MS,
        ),
    );
  }

  /** The initiator's own request, with these bytes instead of Bulkhead's. */
  async proposeByApi(wish: TransferWish, payload: Payload): Promise<unknown> {
    const { client, olivia } = this.cast;
    const signed = await client.signIntent(olivia, wish);
    return client.api.post('/v1/transfers', olivia.apiToken, { ...signed, payload });
  }

  /** Puts the request to every signer. @returns the refusal they agree on, or what they said otherwise */
  async askSigners(wish: TransferWish, payload: Payload, forgery: Forgery): Promise<string> {
    const request = await this.forge(wish, payload, forgery);
    const answers = await Promise.all(this.signers.map((signer) => signer.signTransfer(request)));
    const outcomes = new Set(answers.map((answer) => (answer.ok ? 'signed' : answer.refusal.code)));
    return [...outcomes].join(', ');
  }

  close(): void {
    for (const signer of this.signers) signer.close();
  }

  private async forge(wish: TransferWish, payload: Payload, forgery: Forgery): Promise<TransferRequest> {
    const { client, olivia, omar, oskar } = this.cast;
    const { intent, proposal } = await client.signIntent(olivia, wish);
    const terms = {
      firm: intent.firm,
      intent: intentDigest(intent),
      payload: forgery.approvalsFor ?? payloadDigest(payload),
      charterSequence: proposal.statement.charterSequence,
    };
    const approvers = forgery.approvers ?? [omar, oskar];
    return {
      intent,
      proposal,
      payload,
      approvals: approvers.map((device) => device.say('APPROVE', terms)),
      attestations: [],
    };
  }
}
