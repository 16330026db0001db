import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { entryHash, signerSchema, type Act, type CharterState, type SignerRecord } from '@bulkhead/charter';
import type { Digest } from '@bulkhead/intent';
import { ApiClient } from '../api/api-client.js';
import { CustodyClient } from '../api/custody-client.js';
import { spareFile } from '../ceremony/development.js';
import { developmentDevice } from '../members/development-members.js';
import type { MemberDevice } from '../members/member-device.js';
import { CharterReader } from '../operator/charter-replica.js';
import { readGenesis } from '../setup/genesis.js';
import { Failure, type Layout } from '../stack/index.js';

/** The people who rotate a key, with their devices, at the API of a firm that runs. */
export class LiveFirm {
  readonly client: CustodyClient;
  readonly firm: Digest;
  readonly olivia: MemberDevice;
  readonly omar: MemberDevice;
  readonly oskar: MemberDevice;
  readonly carla: MemberDevice;
  readonly erika: MemberDevice;
  private readonly reader: CharterReader;

  constructor(
    readonly layout: Layout,
    url: string,
  ) {
    this.client = new CustodyClient(new ApiClient(url));
    this.firm = entryHash(readGenesis(layout.genesis));
    const device = (id: string): MemberDevice => developmentDevice(layout.members, id);
    [this.olivia, this.omar, this.oskar] = [device('olivia'), device('omar'), device('oskar')];
    [this.carla, this.erika] = [device('carla'), device('erika')];
    this.reader = new CharterReader({ client: this.client, device: this.olivia, firm: this.firm });
  }

  /** The charter as these devices verify it, entry by entry, from the genesis of the ceremony. */
  charter(): Promise<CharterState> {
    return this.reader.now();
  }

  /**
   * Sees to it that an act is in force: proposes it unless it is there, and puts it into force when its delay is over.
   *
   * @param isInForce whether the charter has what the act would bring
   * @throws Failure while it waits: the same command goes on when its time has come
   */
  async bring(
    isInForce: (state: CharterState) => boolean,
    act: Act,
    initiator: MemberDevice,
    approvers: readonly MemberDevice[],
    owner?: string,
  ): Promise<void> {
    const before = await this.charter();
    if (isInForce(before)) return;
    if (!waiting(before, act)) await this.client.enact(act, initiator, approvers, owner);
    const state = await this.charter();
    if (isInForce(state)) return;
    const found = waiting(state, act);
    if (!found) throw new Error(`${act.kind} is enacted, and not in force`);
    const [intent, { notBefore }] = found;
    if (new Date().toISOString() < notBefore) {
      throw new Failure(`${act.kind} waits out its delay until ${notBefore}.`, 'The same command goes on then.');
    }
    await this.client.enact({ kind: 'pending.enact', intent }, this.olivia, [this.omar], owner);
  }

  /** A fresh receive address of a Bitcoin wallet. */
  async freshAddress(wallet: string): Promise<string> {
    const path = `/v1/wallets/${wallet}/addresses`;
    return (await this.client.api.post<{ address: string }>(path, this.olivia.apiToken, {})).address;
  }

  /** The signer that stands by, as its own ceremony has left it on this machine. @throws Failure when there is none */
  spare(): SignerRecord {
    try {
      return signerSchema.parse(JSON.parse(readFileSync(spareFile(this.layout), 'utf8')));
    } catch {
      throw new Failure('No spare signer stands by here.', 'Start the stack with one: npm run up');
    }
  }

  get<T>(path: string): Promise<T> {
    return this.client.api.get<T>(path, this.olivia.apiToken);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.client.api.post<T>(path, this.olivia.apiToken, body);
  }
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
