import { buildPsbt, type WalletCoin } from '@bulkhead/bitcoin';
import { bitcoinSpec, type GenesisAct } from '@bulkhead/charter';
import { orThrow, REGTEST, type Payload } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import type { CharterBuilder, TransferOptions, TransferWish } from './charter-builder.js';
import { addressOf, BTC, openFirm, type CustodyFirm } from './custody-firm.js';
import { forgePsbt, inventCoin, type ForgedInput } from './forged-psbt.js';
import { SIGNER_NAMES, type SignerName } from '../../apps/cli/src/stack/index.js';
import { SignerStack } from './signer-stack.js';

export const AMOUNT_SAT = 60_000n;
export const FEE_RATE_SAT_VB = 5n;

type PsbtPayload = Extract<Payload, { kind: 'psbt' }>;
export interface ForgedOutput {
  readonly address: string;
  readonly amountSat: bigint;
}

export interface AlphaOptions {
  readonly three?: boolean;
  /** What is to be other than usual in the genesis. */
  readonly genesis?: Partial<GenesisAct>;
  /** What is to be other than usual in a signer's configuration. */
  readonly overrides?: (processes: SignerStack) => Partial<Record<SignerName, object>>;
}

/** A custody firm with signers that run, and the payments of its client alpha: honest ones and others. */
export class AlphaPayments {
  private constructor(
    readonly processes: SignerStack,
    readonly firm: CustodyFirm,
    readonly a: SignerClient,
    readonly b: SignerClient,
    /** Runs only when asked for; else nobody holds its keys. */
    readonly c: SignerClient,
  ) {}

  /** Starts signer-a and signer-b, and signer-c where `three` is asked for. */
  static async start({ three = false, genesis, overrides }: AlphaOptions = {}): Promise<AlphaPayments> {
    const processes = await SignerStack.start(genesis);
    const ids = SIGNER_NAMES.slice(0, three ? 3 : 2);
    const others = overrides?.(processes);
    await Promise.all(ids.map((id) => processes.startSigner(id, others?.[id])));
    const [a, b, c] = [processes.client('signer-a'), processes.client('signer-b'), processes.client('signer-c')];
    const running = [a, b, c].slice(0, ids.length);
    const firm = await openFirm(processes.charter, (wallet) => processes.keys(wallet, running));
    for (const client of running) orThrow(await client.pushEntries(processes.charter.entries));
    return new AlphaPayments(processes, firm, a, b, c);
  }

  get charter(): CharterBuilder {
    return this.processes.charter;
  }

  /** A coin of alpha's that no chain has seen. */
  coin(amountSat = 100_000n): WalletCoin {
    return inventCoin(bitcoinSpec(this.firm.bitcoin.alpha), amountSat);
  }

  /** What an honest orchestrator builds: alpha pays, the rest comes back. */
  honest(to = this.firm.payee.bitcoin, coin = this.coin(), feeRateSatVb = FEE_RATE_SAT_VB): PsbtPayload {
    const built = buildPsbt({
      spec: bitcoinSpec(this.firm.bitcoin.alpha),
      coins: [coin],
      payments: [{ address: to, amountSat: AMOUNT_SAT }],
      change: { branch: 1, index: 0 },
      feeRateSatVb,
      maxFeeSat: 50_000n,
    });
    return { kind: 'psbt', chain: REGTEST, psbt: orThrow(built).psbt };
  }

  /** Whatever inputs and outputs; one coin of alpha's unless told otherwise. */
  forged(outputs: readonly ForgedOutput[], inputs: readonly ForgedInput[] = [this.input()]): PsbtPayload {
    return { kind: 'psbt', chain: REGTEST, psbt: forgePsbt(inputs, outputs) };
  }

  input(): ForgedInput {
    return { spec: bitcoinSpec(this.firm.bitcoin.alpha), coin: this.coin() };
  }

  payment(): ForgedOutput {
    return { address: this.firm.payee.bitcoin, amountSat: AMOUNT_SAT };
  }

  change(address = addressOf(this.firm.bitcoin.alpha, 1)): ForgedOutput {
    return { address, amountSat: 39_000n };
  }

  /** A request with all approvals, for a payment of {@link AMOUNT_SAT} unless the wish says otherwise. */
  request(payload: Payload, wish: Partial<TransferWish> = {}, options: TransferOptions = {}): TransferRequest {
    const usual = { owner: 'alpha', wallet: 'alpha-btc', asset: BTC, to: this.firm.payee.bitcoin };
    return this.charter.transferRequest({ ...usual, amount: AMOUNT_SAT.toString(), ...wish }, payload, options);
  }
}
