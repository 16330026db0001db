import { randomBytes, randomUUID } from 'node:crypto';
import { buildPsbt, taprootDigests, type WalletCoin } from '@bulkhead/bitcoin';
import { mpcAddress, taprootSpec, type GenesisAct, type MpcWallet } from '@bulkhead/charter';
import type { FrostGroup } from '@bulkhead/keys';
import { orThrow, REGTEST, type Payload, type Result } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { Transaction } from 'bitcoinjs-lib';
import {
  doorOf,
  EVERY_SIGNER,
  SIGNER_NAMES,
  SPARE_SIGNER,
  type Part,
  type SignerName,
} from '../../apps/cli/src/stack/index.js';
import { MpcCarrier } from '../../apps/orchestrator/src/signers/mpc-carrier.js';
import { MpcMember, type ProvenShare } from '../../apps/orchestrator/src/signers/mpc-member.js';
import type { TransferOptions, TransferWish } from './charter-builder.js';
import { BTC, strangersAddress } from './custody-firm.js';
import { SignerStack } from './signer-stack.js';

type PsbtPayload = Extract<Payload, { kind: 'psbt' }>;

/** Three signer processes whose client alpha has a Taproot wallet that they hold in shares, 2 of 3. */
export class MpcFirm {
  readonly members: ReadonlyMap<string, MpcMember>;
  readonly carrier: MpcCarrier;
  readonly payee = strangersAddress();
  readonly fee = 5n;

  private constructor(readonly processes: SignerStack) {
    this.members = new Map(EVERY_SIGNER.map((id) => [id, new MpcMember(processes.client(id))]));
    this.carrier = new MpcCarrier(this.members);
  }

  /** All signers run and know the charter; the group is generated and its wallet open. */
  static async start(genesis: Partial<GenesisAct> = {}, overrides: object = {}): Promise<MpcFirm> {
    const processes = await SignerStack.start(genesis);
    await Promise.all(SIGNER_NAMES.map((id) => startSigner(processes, id, overrides)));
    const firm = new MpcFirm(processes);
    const { charter } = processes;
    charter.append({ kind: 'asset.list', asset: { id: BTC, symbol: 'BTC', decimals: 8 } });
    charter.append({ kind: 'client.open', owner: { id: 'alpha', name: 'Alpha' } });
    const destination = { id: randomUUID(), owner: 'alpha', chain: REGTEST, address: firm.payee, label: 'bank' };
    charter.append({ kind: 'destination.approve', ...destination });
    await firm.push();
    await firm.open('alpha-tap');
    return firm;
  }

  /** Brings signers what they lack of the charter: all three, unless told otherwise. */
  async push(ids: readonly SignerName[] = SIGNER_NAMES): Promise<void> {
    for (const id of ids) orThrow(await this.processes.client(id).pushEntries(this.processes.charter.entries));
  }

  /** A fourth signer with a token of its own is enrolled, runs and knows the charter. */
  async enrolSpare(): Promise<void> {
    const { charter, stack } = this.processes;
    const signer = {
      id: SPARE_SIGNER,
      tlsFingerprint: stack.tls[SPARE_SIGNER].fingerprint,
      tokenSerial: stack.tokens[SPARE_SIGNER].serial,
    };
    charter.append({ kind: 'signer.enrol', signer });
    await startSigner(this.processes, SPARE_SIGNER);
    await this.push(EVERY_SIGNER);
  }

  /** The group as its first member has it now. */
  async group(id = 'alpha-tap'): Promise<FrostGroup> {
    return this.groupAt((this.wallet(id).keys[0]?.signer ?? '') as SignerName, id);
  }

  /** The group as one member has it now. */
  async groupAt(member: SignerName, id = 'alpha-tap'): Promise<FrostGroup> {
    return orThrow(await this.member(member).group(id)).group;
  }

  async open(id: string): Promise<MpcWallet> {
    const wallet = walletOf(orThrow(await this.carrier.generate(id, 2, SIGNER_NAMES)));
    this.processes.charter.append({ kind: 'wallet.open', wallet });
    await this.push();
    return wallet;
  }

  wallet(id = 'alpha-tap'): MpcWallet {
    const wallet = this.processes.charter.state.wallets.get(id);
    if (wallet?.kind !== 'taproot-mpc') throw new Error(`${id} is no MPC wallet`);
    return wallet;
  }

  /** The act that permits a resharing, in the hands of these signers. */
  async permit(members: readonly SignerName[], threshold: number, known: readonly SignerName[]): Promise<void> {
    const { charter } = this.processes;
    charter.append({ kind: 'mpc-wallet.reshare', wallet: 'alpha-tap', members: [...members], threshold });
    await this.push(known);
  }

  /** Deals the shares anew as the charter permits. */
  async reshare(dealers: readonly SignerName[]): Promise<Result<readonly ProvenShare[]>> {
    const resharing = this.processes.charter.state.resharings.get('alpha-tap');
    if (!resharing?.permit) throw new Error('nothing is permitted');
    const { number, permit } = resharing;
    const [first] = dealers;
    if (!first) throw new Error('nobody deals');
    return this.carrier.reshare(await this.groupAt(first), dealers, { number, ...permit });
  }

  /** The act that puts new shares into use, in the hands of these signers. */
  async switchTo(keys: readonly ProvenShare[], known: readonly SignerName[]): Promise<void> {
    this.processes.charter.append({ kind: 'mpc-wallet.switch', wallet: 'alpha-tap', keys: [...keys] });
    await this.push(known);
  }

  member(id: SignerName): MpcMember {
    const member = this.members.get(id);
    if (!member) throw new Error(`${id} is no member`);
    return member;
  }

  /** A coin of the wallet made by a transaction that no chain has seen: to a signer it is as good as any. */
  coin(amountSat = 100_000n, wallet = this.wallet()): WalletCoin {
    const previous = new Transaction();
    previous.version = 2;
    previous.addInput(Uint8Array.from(randomBytes(32)), 0);
    previous.addOutput(Uint8Array.from(Buffer.from(`5120${taprootSpec(wallet).outputKey}`, 'hex')), amountSat);
    const previousTransaction = previous.toHex();
    return { txid: previous.getId(), vout: 0, amountSat, branch: 1, index: 0, previousTransaction };
  }

  /** An approved payment out of a coin of its own. */
  fresh(): TransferRequest {
    return this.request(this.payment([this.coin()], 60_000n), 60_000n);
  }

  /** What an honest orchestrator builds. */
  payment(coins: readonly WalletCoin[], amountSat: bigint, to = this.payee, wallet = this.wallet()): PsbtPayload {
    const built = buildPsbt({
      spec: taprootSpec(wallet),
      coins,
      payments: [{ address: to, amountSat }],
      change: { branch: 1, index: 0 },
      feeRateSatVb: this.fee,
      maxFeeSat: 50_000n,
    });
    return { kind: 'psbt', chain: REGTEST, psbt: orThrow(built).psbt };
  }

  /** With all approvals, unless told otherwise. */
  request(
    payload: Payload,
    amountSat: bigint,
    options: TransferOptions = {},
    wish: Partial<TransferWish> = {},
  ): TransferRequest {
    const usual = { owner: 'alpha', wallet: 'alpha-tap', asset: BTC, to: this.payee, amount: amountSat.toString() };
    return this.processes.charter.transferRequest({ ...usual, ...wish }, payload, options);
  }

  digests(payload: PsbtPayload) {
    return orThrow(taprootDigests(payload.psbt, taprootSpec(this.wallet())));
  }

  sign(request: TransferRequest, members: readonly string[] = SIGNER_NAMES) {
    if (request.payload.kind !== 'psbt') throw new Error('no PSBT');
    const { charter } = this.processes;
    const wanted = {
      threshold: this.wallet().threshold,
      members,
      outputKey: taprootSpec(this.wallet()).outputKey,
      fingerprints: (signer: string) => charter.state.signers.get(signer)?.tlsFingerprint,
    };
    return this.carrier.sign(request, wanted, this.digests(request.payload), () => Promise.resolve());
  }
}

/** Each knows where all the others are, the spare one too. */
function startSigner(processes: SignerStack, id: SignerName, overrides: object = {}): Promise<Part> {
  const others = EVERY_SIGNER.filter((other) => other !== id);
  const { ports } = processes.stack;
  const peers = others.map((other) => ({ id: other, url: `https://127.0.0.1:${ports[doorOf(other)]}` }));
  return processes.startSigner(id, { peers, ...overrides });
}

export function walletOf({ id, threshold, members, verifyingShares }: FrostGroup): MpcWallet {
  const keys = members.map((signer, place) => ({ signer, publicKey: verifyingShares[place] ?? '' }));
  const terms = { kind: 'taproot-mpc', id, owner: 'alpha', chain: REGTEST, threshold, keys } as const;
  return { ...terms, address: orThrow(mpcAddress(terms)) };
}
