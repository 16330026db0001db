import { accepted, MAX_SAT, refused, type Result } from '@bulkhead/intent';
import { Psbt, Transaction } from 'bitcoinjs-lib';
import { parseBitcoinAddress } from './addresses.js';
import { fromHex, isHex, toHex } from './bytes.js';
import { compareOutpoints, compareText, selectCoins, type SelectableCoin, type Selection } from './coin-selection.js';
import { decodePsbt, RBF_SEQUENCE, type BitcoinFacts } from './decode.js';
import { networkOf } from './networks.js';
import { dustLimitSat, KEY_PATH_WITNESS_WEIGHT, MAX_OUTPUTS, quorumWitnessWeight } from './sizes.js';
import { taprootScript, type TaprootWalletSpec } from './taproot-spec.js';
import { deriveAddress, type AddressPath } from './wallet.js';
import type { BitcoinWalletSpec } from './wallet-spec.js';

/** An unspent output of the wallet. */
export interface WalletCoin extends SelectableCoin, AddressPath {
  /** The whole transaction that made the coin, hex. */
  readonly previousTransaction: string;
}

export interface Payment {
  readonly address: string;
  readonly amountSat: bigint;
}

export interface BuildRequest {
  readonly spec: BitcoinWalletSpec | TaprootWalletSpec;
  readonly coins: readonly WalletCoin[];
  readonly payments: readonly Payment[];
  /** Where what is left goes: an own address that was not used yet. */
  readonly change: AddressPath;
  readonly feeRateSatVb: bigint;
  /** The most the network may take, in satoshi. */
  readonly maxFeeSat: bigint;
}

export interface BuiltPsbt {
  /** BIP-174 base64 without signatures, each input with its full previous transaction. */
  readonly psbt: string;
  /** Decoded back from those bytes. */
  readonly facts: BitcoinFacts;
}

/** bitcoinjs-lib refuses to extract above this, and no network has needed it. */
const MAX_FEE_RATE_SAT_VB = 5000n;

/** One of a wallet's own places, as a coin there is found and spent. */
interface OwnPlace {
  /** Lower-case hex. */
  readonly scriptPubKey: string;
  /** Lower-case hex; none for a Taproot key path. */
  readonly witnessScript: string | undefined;
  readonly witnessWeight: bigint;
}

/** A Taproot wallet has one place only, whatever the path. */
function ownPlace(spec: BuildRequest['spec'], { branch, index }: AddressPath): OwnPlace {
  if ('outputKey' in spec) {
    return {
      scriptPubKey: taprootScript(spec),
      witnessScript: undefined,
      witnessWeight: KEY_PATH_WITNESS_WEIGHT,
    };
  }
  const { scriptPubKey, witnessScript } = deriveAddress(spec, branch, index);
  return {
    scriptPubKey,
    witnessScript,
    witnessWeight: quorumWitnessWeight(spec.threshold, witnessScript.length / 2),
  };
}

interface Output {
  readonly script: Uint8Array;
  readonly amountSat: bigint;
}

/**
 * Chooses coins and writes the PSBT of a payment: version 2, no lock time, replaceable (BIP-125), inputs and outputs in
 * BIP-69 order, so that the same request gives the same bytes. The fee is `feeRateSatVb` times a size the signed
 * transaction cannot exceed; change below the dust limit is left to the fee.
 *
 * Refusals: those of {@link parseBitcoinAddress}, `amount.not-positive`, `amount.too-large`, `amount.dust`,
 * `amount.insufficient-funds` (facts: needed, available), `bitcoin.fee-rate`, `segregation.fee-over-cap`,
 * `bitcoin.transaction-not-standard`, `request.malformed` (a coin twice), and
 * `bitcoin.previous-transaction-mismatch` (a coin that its previous transaction does not have).
 */
export function buildPsbt(request: BuildRequest): Result<BuiltPsbt> {
  const { spec, feeRateSatVb, maxFeeSat } = request;
  if (feeRateSatVb < 1n || feeRateSatVb > MAX_FEE_RATE_SAT_VB) {
    return refused('bitcoin.fee-rate', `The fee rate is 1 to ${MAX_FEE_RATE_SAT_VB} sat/vB.`, {
      feeRateSatVb: String(feeRateSatVb),
    });
  }
  const payments = readPayments(request);
  if (!payments.ok) return payments;
  const change = ownPlace(spec, request.change);
  const selection = select(request, payments.value, change);
  if (!selection.ok) return selection;
  const { feeSat } = selection.value;
  if (feeSat > maxFeeSat) {
    return refused('segregation.fee-over-cap', 'The network fee would be above its cap.', {
      feeSat: String(feeSat),
      maxFeeSat: String(maxFeeSat),
    });
  }
  const psbt = writePsbt(spec, selection.value, payments.value, change);
  if (!psbt.ok) return psbt;
  const facts = decodePsbt(psbt.value, spec.chain);
  return facts.ok ? accepted({ psbt: psbt.value, facts: facts.value }) : facts;
}

function readPayments({ spec, payments }: BuildRequest): Result<readonly Output[]> {
  // one place is kept for the change
  if (payments.length < 1 || payments.length >= MAX_OUTPUTS) {
    return refused('bitcoin.transaction-not-standard', `A transaction makes 1 to ${MAX_OUTPUTS - 1} payments.`);
  }
  const outputs: Output[] = [];
  for (const { address, amountSat } of payments) {
    const parsed = parseBitcoinAddress(address, spec.chain);
    if (!parsed.ok) return parsed;
    const facts = { address, amountSat: String(amountSat) };
    if (amountSat <= 0n) return refused('amount.not-positive', 'An amount must be more than zero.', facts);
    if (amountSat > MAX_SAT) return refused('amount.too-large', 'No such amount can exist on this chain.', facts);
    const dustSat = dustLimitSat(parsed.value.scriptPubKey);
    if (amountSat < dustSat) {
      return refused('amount.dust', 'The network does not relay so small a payment.', {
        ...facts,
        dustLimitSat: String(dustSat),
      });
    }
    outputs.push({ script: parsed.value.scriptPubKey, amountSat });
  }
  return accepted(outputs);
}

function select(
  { coins, feeRateSatVb }: BuildRequest,
  payments: readonly Output[],
  change: OwnPlace,
): Result<Selection<WalletCoin>> {
  const outpoints = new Set(coins.map((coin) => `${coin.txid}:${coin.vout}`));
  if (outpoints.size !== coins.length) return refused('request.malformed', 'A coin was given twice.');
  return selectCoins(coins, {
    paymentsSat: payments.reduce((sum, payment) => sum + payment.amountSat, 0n),
    paymentScriptLengths: payments.map((payment) => payment.script.length),
    changeScript: fromHex(change.scriptPubKey),
    witnessWeight: change.witnessWeight,
    feeRateSatVb,
  });
}

const byAmountThenScript = (a: Output, b: Output): number =>
  a.amountSat === b.amountSat ? compareText(toHex(a.script), toHex(b.script)) : a.amountSat < b.amountSat ? -1 : 1;

function writePsbt(
  spec: BuildRequest['spec'],
  { coins, changeSat }: Selection<WalletCoin>,
  payments: readonly Output[],
  change: OwnPlace,
): Result<string> {
  const psbt = new Psbt({ network: networkOf(spec.chain) });
  psbt.setVersion(2);
  // straight to the BIP-174 layer: the wrapper above it spends a millisecond per input on looking for Taproot fields
  for (const coin of [...coins].sort(compareOutpoints)) {
    const owned = ownPlace(spec, coin);
    const previous = previousTransactionOf(coin, owned);
    if (!previous.ok) return previous;
    psbt.data.addInput({
      hash: coin.txid,
      index: coin.vout,
      sequence: RBF_SEQUENCE,
      nonWitnessUtxo: previous.value,
      witnessUtxo: { script: fromHex(owned.scriptPubKey), value: coin.amountSat },
      ...(owned.witnessScript === undefined ? {} : { witnessScript: fromHex(owned.witnessScript) }),
    });
  }
  const changeOutput = { script: fromHex(change.scriptPubKey), amountSat: changeSat };
  for (const output of [...payments, ...(changeSat > 0n ? [changeOutput] : [])].sort(byAmountThenScript)) {
    psbt.data.addOutput({ script: output.script, value: output.amountSat });
  }
  return accepted(psbt.toBase64());
}

/** The transaction that made a coin, without witnesses: its id does not need them (Bitcoin Core leaves them out too). */
function previousTransactionOf(coin: WalletCoin, owned: OwnPlace): Result<Uint8Array> {
  const mismatch = (detail: string) =>
    refused('bitcoin.previous-transaction-mismatch', detail, { outpoint: `${coin.txid}:${coin.vout}` });
  if (!isHex(coin.previousTransaction)) return mismatch('The previous transaction is not hex.');
  let previous: Transaction;
  try {
    previous = Transaction.fromHex(coin.previousTransaction);
  } catch {
    return mismatch('The previous transaction cannot be read.');
  }
  const output = previous.outs[coin.vout];
  if (previous.getId() !== coin.txid || output === undefined) {
    return mismatch('The previous transaction has no such output.');
  }
  if (output.value !== coin.amountSat || toHex(output.script) !== owned.scriptPubKey) {
    return mismatch('The coin differs from what its previous transaction says.');
  }
  previous.stripWitnesses();
  return accepted(previous.toBuffer());
}
