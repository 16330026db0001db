import { Injectable, Logger } from '@nestjs/common';
import { finaliseTaprootPsbt, taprootDigests } from '@bulkhead/bitcoin';
import { taprootSpec, type CharterState, type MpcWallet } from '@bulkhead/charter';
import { refused } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { CharterPush } from '../../charter/core/charter-push.js';
import { DecisionsService } from '../../decisions/core/decisions.service.js';
import { MpcGroupsService } from '../../mpc/core/mpc-groups.service.js';
import type { TransferRow } from '../persistence/entities.js';
import { isNotNow, type Collected } from './collected.js';
import { tooFewSigners, usableSigners } from './usable-signers.js';

/**
 * Has an MPC wallet's members sign in two rounds. After a crash at any point it is begun again with fresh nonces: another
 * signature then, of the same transaction.
 */
@Injectable()
export class GroupSignatureCollector {
  private readonly log = new Logger('transfers');

  constructor(
    private readonly groups: MpcGroupsService,
    private readonly decisions: DecisionsService,
    private readonly charterPush: CharterPush,
  ) {}

  async collect(
    state: CharterState,
    row: TransferRow,
    wallet: MpcWallet,
    request: TransferRequest,
  ): Promise<Collected> {
    const { payload } = request;
    if (payload.kind !== 'psbt') return no('An MPC wallet signs PSBTs.');
    const spec = taprootSpec(wallet);
    const digests = taprootDigests(payload.psbt, spec);
    if (!digests.ok) return { kind: 'REFUSED', refusal: digests.refusal };
    const members = usableSigners(state, wallet);
    if (members.length < wallet.threshold) return tooFewSigners(state, wallet, request.intent);
    await Promise.all(members.map((member) => this.charterPush.bringUpToDate(member)));
    const signing = await this.groups.carrier.sign(
      request,
      {
        threshold: wallet.threshold,
        members,
        outputKey: spec.outputKey,
        fingerprints: (signer) => state.signers.get(signer)?.tlsFingerprint,
      },
      digests.value,
      (decision) => this.decisions.keep(decision, row.id),
    );
    // also where the others have signed: one that was blamed is to be looked at
    for (const [member, { code, detail, facts }] of signing.refusedBy)
      this.log.warn(`transfer ${row.id}: ${member} did not sign: ${code} ${facts['problem'] ?? detail}`);
    if (!signing.ok) {
      const refusals = [...signing.refusedBy.values()];
      const reachable = members.length - refusals.filter((refusal) => !isNotNow(refusal)).length >= wallet.threshold;
      const refusal = refusals.find((each) => !isNotNow(each)) ?? signing.refusal;
      return reachable ? { kind: 'WAITING', refusal } : { kind: 'REFUSED', refusal };
    }
    const signatures = signing.value.map(({ inputIndex, signature }) => ({
      inputIndex,
      signature: Buffer.from(signature, 'hex'),
    }));
    const final = finaliseTaprootPsbt(payload.psbt, spec, signatures);
    return final.ok
      ? { kind: 'COMPLETE', patch: { rawTransaction: final.value.rawTransaction, txId: final.value.txid } }
      : { kind: 'REFUSED', refusal: final.refusal };
  }
}

const no = (detail: string): Collected => ({
  kind: 'REFUSED',
  refusal: refused('transfer.payload-differs', detail).refusal,
});
