import { Injectable } from '@nestjs/common';
import { mpcAddress, taprootSpec, type MpcWallet } from '@bulkhead/charter';
import { outputKey, type FrostGroup } from '@bulkhead/keys';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { CharterPush } from '../../charter/core/charter-push.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { MpcCarrier } from '../../signers/mpc-carrier.js';
import { MpcMember } from '../../signers/mpc-member.js';
import { SignersService } from '../../signers/signers.service.js';

/** What a `wallet.open` act says of a new group. */
export type GroupTerms = Pick<MpcWallet, 'threshold' | 'keys' | 'address'>;

/** Has the firm's signers generate and refresh MPC groups. Each of them decides by itself whether it takes part. */
@Injectable()
export class MpcGroupsService {
  constructor(
    private readonly charter: CharterService,
    private readonly charterPush: CharterPush,
    private readonly signers: SignersService,
  ) {}

  get carrier(): MpcCarrier {
    return new MpcCarrier(this.members());
  }

  /** A new group of all signers, for a wallet that is to be proposed. Asked again, it is another group. */
  async generate(wallet: string, threshold: number): Promise<Result<GroupTerms>> {
    const { genesis } = await this.charter.required();
    await this.bringCharter();
    const group = await this.carrier.generate(wallet, threshold, [...this.members().keys()]);
    if (!group.ok) return group;
    const { members, verifyingShares } = group.value;
    const keys = members.map((signer, place) => ({ signer, publicKey: verifyingShares[place] ?? '' }));
    const address = mpcAddress({ chain: genesis.bitcoin, threshold, keys });
    return address.ok ? accepted({ threshold, keys, address: address.value }) : address;
  }

  /** New shares of a wallet's key for the same signers. The address stays; shares that were stolen are worth nothing. */
  async refresh(id: string): Promise<Result<FrostGroup>> {
    const wallet = (await this.charter.required()).wallets.get(id);
    if (wallet?.kind !== 'taproot-mpc') return refused('request.not-found', 'No such MPC wallet.', { wallet: id });
    await this.bringCharter();
    const [first] = wallet.keys;
    const group = await this.members()
      .get(first?.signer ?? '')
      ?.group(id);
    if (!group?.ok) return group ?? refused('charter.unknown-signer', 'No such signer is configured.');
    if (outputKey(group.value) !== taprootSpec(wallet).outputKey)
      return refused('signer.answer-invalid', 'The signer’s group is not of this wallet.', { wallet: id });
    return this.carrier.refresh(group.value);
  }

  private members(): ReadonlyMap<string, MpcMember> {
    return new Map(this.signers.all().map((client) => [client.id, new MpcMember(client)]));
  }

  /** Signers know each other by the charter. */
  private async bringCharter(): Promise<void> {
    await Promise.all(this.signers.all().map(({ id }) => this.charterPush.bringUpToDate(id)));
  }
}
