import { Injectable } from '@nestjs/common';
import { isKeyActive, mpcAddress, taprootSpec, type CharterState, type MpcWallet } from '@bulkhead/charter';
import { outputKey, type FrostGroup } from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { CharterPush } from '../../charter/core/charter-push.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { MpcCarrier } from '../../signers/mpc-carrier.js';
import { MpcMember, type ProvenShare } from '../../signers/mpc-member.js';
import { SignersService } from '../../signers/signers.service.js';
import { proveShares } from './prove-shares.js';

/** What a `wallet.open` act says of a new group. */
export type GroupTerms = Pick<MpcWallet, 'threshold' | 'keys' | 'address'>;

/** Has the firm's signers generate, refresh and reshare MPC groups. Each of them decides by itself whether it takes part. */
@Injectable()
export class MpcGroupsService {
  private readonly members: ReadonlyMap<string, MpcMember>;
  /** The only one: it has each wallet's signings wait for each other. */
  readonly carrier: MpcCarrier;

  constructor(
    private readonly charter: CharterService,
    private readonly charterPush: CharterPush,
    private readonly signers: SignersService,
  ) {
    this.members = new Map(signers.all().map((client) => [client.id, new MpcMember(client)]));
    this.carrier = new MpcCarrier(this.members);
  }

  /**
   * A new group of all signers in service, for a wallet that is to be proposed. Asked again, it is another group: what is
   * generated takes room in every token until the wallet is opened.
   */
  async generate(wallet: string, threshold: number): Promise<Result<GroupTerms>> {
    const { genesis, signers } = await this.charter.required();
    const live = [...signers.values()].filter(({ retired }) => !retired).map(({ id }) => id);
    await this.bringCharter();
    const group = await this.carrier.generate(wallet, threshold, live.sort());
    if (!group.ok) return group;
    const { members, verifyingShares } = group.value;
    const keys = members.map((signer, place) => ({ signer, publicKey: verifyingShares[place] ?? '' }));
    const address = mpcAddress({ chain: genesis.bitcoin, threshold, keys });
    return address.ok ? accepted({ threshold, keys, address: address.value }) : address;
  }

  /** New shares of a wallet's key for the same signers. The address stays; shares that were stolen are worth nothing. */
  async refresh(id: string): Promise<Result<FrostGroup>> {
    const wallet = await this.wallet(id);
    if (!wallet.ok) return wallet;
    await this.bringCharter();
    const enough = wallet.value.keys.length;
    let held = await this.held(wallet.value, enough);
    if (!held.ok) {
      await this.carrier.catchUp(id, this.memberIds(wallet.value));
      held = await this.held(wallet.value, enough);
    }
    return held.ok ? this.carrier.refresh(held.value.group) : held;
  }

  /**
   * New shares of a wallet's key for the members that the charter's permit names, dealt by those of the present ones that
   * answer. Asked again, they are others; the act `mpc-wallet.switch` names those of one answer.
   */
  async reshare(id: string): Promise<Result<readonly ProvenShare[]>> {
    const wallet = await this.wallet(id);
    if (!wallet.ok) return wallet;
    const resharing = (await this.charter.required()).resharings.get(id);
    if (!resharing?.permit)
      return refused('charter.act-not-allowed', 'No resharing of this wallet is permitted.', { wallet: id });
    await this.bringCharter();
    const held = await this.held(wallet.value, wallet.value.threshold);
    if (!held.ok) return held;
    const { number, permit } = resharing;
    return this.carrier.reshare(held.value.group, held.value.members, { number, ...permit });
  }

  /** After a switch: has every signer that is there destroy the shares that are not used any more. */
  async release(id: string): Promise<Result<readonly string[]>> {
    const wallet = await this.wallet(id);
    if (!wallet.ok) return wallet;
    await this.bringCharter();
    const members = this.memberIds(wallet.value);
    const holders = [...this.members.keys()];
    const released: string[] = [];
    for (const holder of holders) {
      const done = await this.carrier.release(id, members, [holder]);
      if (done.ok) released.push(holder);
      else if (members.includes(holder)) return done;
    }
    return accepted(released);
  }

  private async wallet(id: string): Promise<Result<MpcWallet>> {
    const wallet = (await this.charter.required()).wallets.get(id);
    return wallet?.kind === 'taproot-mpc'
      ? accepted(wallet)
      : refused('request.not-found', 'No such MPC wallet.', { wallet: id });
  }

  /** The group as at least `enough` of the wallet's members say that it is, and who they are. */
  private async held(
    wallet: MpcWallet,
    enough: number,
  ): Promise<Result<{ readonly group: FrostGroup; readonly members: readonly string[] }>> {
    const state = await this.charter.required();
    const active = wallet.keys.filter(({ signer }) => isKeyActive(state, wallet, signer));
    const answers = await Promise.all(
      active.map(async ({ signer }) => ({ signer, answer: await this.members.get(signer)?.group(wallet.id) })),
    );
    const byGroup = new Map<string, { readonly group: FrostGroup; readonly members: string[] }>();
    for (const { signer, answer } of answers) {
      if (!answer?.ok || outputKey(answer.value.group) !== taprootSpec(wallet).outputKey) continue;
      const { group } = answer.value;
      const name = canonicalJson(group);
      const held = byGroup.get(name) ?? { group, members: [] };
      held.members.push(signer);
      byGroup.set(name, held);
    }
    const found = [...byGroup.values()].find(({ members }) => members.length >= enough);
    return found
      ? accepted(found)
      : refused('signer.quorum-unavailable', 'Too few members of the group answer, or not for the same shares.', {
          wallet: wallet.id,
          needed: String(enough),
        });
  }

  /** Whether as many members as it takes to spend hold their shares of the wallet's key now. */
  async proveControl(state: CharterState, wallet: MpcWallet, address: string): Promise<Result<true>> {
    const proven = await proveShares(state, wallet, address, this.members);
    if (proven.ok) return proven;
    // a member may not know of the wallet yet, or have been left behind by a refresh
    await this.bringCharter();
    await this.carrier.catchUp(wallet.id, this.memberIds(wallet));
    return proveShares(state, wallet, address, this.members);
  }

  private memberIds({ keys }: MpcWallet): readonly string[] {
    return keys.map(({ signer }) => signer);
  }

  /** Signers know each other by the charter. */
  private async bringCharter(): Promise<void> {
    await Promise.all(this.signers.all().map(({ id }) => this.charterPush.bringUpToDate(id)));
  }
}
