import { decodePsbt } from '@bulkhead/bitcoin';
import { safeContractsOf, type CharterState } from '@bulkhead/charter';
import { decodeSafeTx } from '@bulkhead/ethereum';
import {
  accepted,
  bitcoinAsset,
  etherAsset,
  isBitcoinChain,
  isEthereumChain,
  refused,
  tokenOfAsset,
  type Payload,
  type Result,
} from '@bulkhead/intent';
import type { SpendFacts } from '@bulkhead/segregation';

/** ERC-20 contracts that the charter lists, in lower case: the only contracts whose calls can be decoded. */
export function listedTokens(state: CharterState): ReadonlySet<string> {
  const tokens = state.assets.keySeq().map(tokenOfAsset).toArray();
  return new Set(tokens.filter((token) => token !== undefined));
}

/** Of the bytes, what policies ask for besides. */
export interface PayloadFacts extends SpendFacts {
  /** 0 where the transaction pays no such rate. */
  readonly feeRateSatVb: bigint;
  /**
   * The contract (EIP-55), the 4-byte selector and the arguments of the call that pays, be it in a batch or not; empty
   * where nothing is called.
   */
  readonly call: { readonly contract: string; readonly selector: string; readonly arguments: readonly string[] };
}

const NO_CALL = { contract: '', selector: '', arguments: [] } as const;

/** What a payload's bytes would do, in the terms of the segregation rules and of policies. */
export function spendFacts(state: CharterState, payload: Payload): Result<PayloadFacts> {
  return payload.kind === 'psbt' ? psbtFacts(state, payload) : safeFacts(state, payload);
}

function psbtFacts(state: CharterState, payload: Extract<Payload, { kind: 'psbt' }>): Result<PayloadFacts> {
  const { chain } = payload;
  if (!isBitcoinChain(chain))
    return refused('bitcoin.psbt-malformed', 'A PSBT on a chain that is not Bitcoin.', { chain });
  const decoded = decodePsbt(payload.psbt, chain);
  if (!decoded.ok) return decoded;
  const { inputs, outputs, feeSat, feeRateSatVb } = decoded.value;
  const maxRate = BigInt(state.limits.maxFeeRateSatVb);
  if (feeRateSatVb > maxRate) {
    return refused('bitcoin.fee-rate', 'The fee rate is over the firm’s cap.', {
      feeRateSatVb: feeRateSatVb.toString(),
      cap: maxRate.toString(),
    });
  }
  const asset = bitcoinAsset(chain);
  return accepted({
    chain,
    sources: inputs.map((input) => ({ resource: `${chain}/coin:${input.outpoint}`, address: input.address })),
    outputs: outputs.map((output) => ({
      address: output.address,
      asset,
      amount: output.amountSat,
      kind: 'TRANSFER' as const,
    })),
    fee: { asset, amount: feeSat },
    feeRateSatVb,
    call: NO_CALL,
  });
}

function safeFacts(state: CharterState, payload: Extract<Payload, { kind: 'safe-tx' }>): Result<PayloadFacts> {
  const { chain } = payload;
  if (!isEthereumChain(chain)) {
    return refused('ethereum.transaction-malformed', 'A Safe transaction on a chain that is not EVM.', { chain });
  }
  const decoded = decodeSafeTx(payload, { contracts: safeContractsOf(state), tokens: listedTokens(state) });
  if (!decoded.ok) return decoded;
  const { safe, nonce, spends, calls } = decoded.value;
  // a batch of more calls than one is more payments than one, which no transfer is
  const { to = '', data = '0x' } = calls[0] ?? {};
  return accepted({
    chain,
    sources: [{ resource: `${chain}/safe:${safe.toLowerCase()}:${nonce}`, address: safe }],
    outputs: spends.map(({ to, asset, amount, kind }) => ({ address: to, asset, amount, kind })),
    // gas is paid by the house's gas payer and refunds are refused, so the Safe itself pays no fee
    fee: { asset: etherAsset(chain), amount: 0n },
    feeRateSatVb: 0n,
    call:
      data === '0x'
        ? NO_CALL
        : {
            contract: to,
            selector: data.slice(0, 10),
            arguments: spends.flatMap((spend) => [spend.to, spend.amount.toString()]),
          },
  });
}
