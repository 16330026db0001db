import { randomBytes, randomUUID } from 'node:crypto';
import { buildPsbt, taprootDigests, type WalletCoin } from '@bulkhead/bitcoin';
import { mpcAddress, taprootSpec, type MpcWallet } from '@bulkhead/charter';
import type { FrostGroup } from '@bulkhead/keys';
import { orThrow, REGTEST, type Payload } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { Transaction } from 'bitcoinjs-lib';
import { SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import { MpcCarrier } from '../../apps/orchestrator/src/signers/mpc-carrier.js';
import { MpcMember } from '../../apps/orchestrator/src/signers/mpc-member.js';
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
    this.members = new Map(SIGNER_NAMES.map((id) => [id, new MpcMember(processes.client(id))]));
    this.carrier = new MpcCarrier(this.members);
  }

  /** All signers run and know the charter; the group is generated and its wallet open. */
  static async start(): Promise<MpcFirm> {
    const processes = await SignerStack.start();
    await Promise.all(SIGNER_NAMES.map((id) => processes.startSigner(id)));
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

  /** Brings every signer what it lacks of the charter. */
  async push(): Promise<void> {
    for (const id of SIGNER_NAMES) orThrow(await this.processes.client(id).pushEntries(this.processes.charter.entries));
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

  member(id: (typeof SIGNER_NAMES)[number]): MpcMember {
    const member = this.members.get(id);
    if (!member) throw new Error(`${id} is no member`);
    return member;
  }

  /** A coin of the wallet made by a transaction that no chain has seen: to a signer it is as good as any. */
  coin(amountSat = 100_000n): WalletCoin {
    const previous = new Transaction();
    previous.version = 2;
    previous.addInput(Uint8Array.from(randomBytes(32)), 0);
    previous.addOutput(Uint8Array.from(Buffer.from(`5120${taprootSpec(this.wallet()).outputKey}`, 'hex')), amountSat);
    const previousTransaction = previous.toHex();
    return { txid: previous.getId(), vout: 0, amountSat, branch: 1, index: 0, previousTransaction };
  }

  /** An approved payment out of a coin of its own. */
  fresh(): TransferRequest {
    return this.request(this.payment([this.coin()], 60_000n), 60_000n);
  }

  /** What an honest orchestrator builds. */
  payment(coins: readonly WalletCoin[], amountSat: bigint, to = this.payee): PsbtPayload {
    const built = buildPsbt({
      spec: taprootSpec(this.wallet()),
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
    const wanted = { threshold: 2, members, outputKey: taprootSpec(this.wallet()).outputKey };
    return this.carrier.sign(request, wanted, this.digests(request.payload), () => Promise.resolve());
  }
}

export function walletOf({ id, threshold, members, verifyingShares }: FrostGroup): MpcWallet {
  const keys = members.map((signer, place) => ({ signer, publicKey: verifyingShares[place] ?? '' }));
  const terms = { kind: 'taproot-mpc', id, owner: 'alpha', chain: REGTEST, threshold, keys } as const;
  return { ...terms, address: orThrow(mpcAddress(terms)) };
}
