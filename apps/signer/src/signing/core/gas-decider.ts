import { Injectable } from '@nestjs/common';
import { clientChain, FIRM_CHAIN } from '@bulkhead/charter';
import { decideGas, gasPayloadDigest, type GasRequest } from '@bulkhead/policy';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { OwnKeys } from '../../charter/core/own-keys.js';
import { Peers } from '../../peers/core/peers.js';
import { SignerIdentity } from '../../signer-identity.js';
import { SigningRecords, type Concluded } from '../persistence/signing-records.js';
import { contended, gasOrder } from './signing-order.js';
import { Standing } from './standing.js';

/** May the house's gas payer sign? By a charter that no other signer knows to be out of date. */
@Injectable()
export class GasDecider {
  constructor(
    private readonly charter: CharterReplica,
    private readonly ownKeys: OwnKeys,
    private readonly standing: Standing,
    private readonly peers: Peers,
    private readonly records: SigningRecords,
    private readonly identity: SignerIdentity,
  ) {}

  async decide(request: GasRequest): Promise<Concluded> {
    const before = await this.moment(request, [FIRM_CHAIN]);
    if (!before.state.ok) return this.records.refuse(before.question, before.state.refusal);
    const first = decideGas(before.state.value, request);
    if (!first.ok) return this.records.refuse(before.question, first.refusal);
    const chains = [FIRM_CHAIN, clientChain(first.value.beneficiary.owner)];
    const heard = await this.peers.consult({ chains, intents: [] }, () => true);
    const { question, state } = await this.moment(request, chains);
    if (!heard.ok) return this.records.refuse(question, heard.refusal);
    if (!state.ok) return this.records.refuse(question, state.refusal);
    const { value } = state;
    const own = await this.ownKeys.check(first.value.payer);
    if (!own.ok) return this.records.refuse(question, own.refusal);
    return this.records.commit(question, () =>
      Promise.resolve(this.charter.isStill(value) ? gasOrder(value, this.identity.id, request) : contended),
    );
  }

  private async moment(request: GasRequest, chains: readonly string[]) {
    const { at, heads, state } = await this.standing.now(chains);
    const payloadDigest = gasPayloadDigest(request);
    const subject = request.transaction.from;
    return { question: { kind: 'gas' as const, subject, intentDigest: null, payloadDigest, at, heads }, state };
  }
}
