import { accepted, MAX_SAT, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { Transaction } from 'bitcoinjs-lib';
import { addressOfScript } from './addresses.js';
import { sameBytes, sha256, toHex } from './bytes.js';
import { isCanonicalPsbt, readPsbt, type ReadPsbt } from './psbt-reading.js';
import { isTaprootScript } from './taproot-spec.js';
import { KEY_PATH_WITNESS_WEIGHT, MAX_INPUTS, MAX_OUTPUTS, quorumWitnessWeight, vsizeBound } from './sizes.js';
import { parseQuorumScript } from './witness-script.js';

/** Signals replaceability (BIP-125) and sets no relative lock (BIP-68). */
export const RBF_SEQUENCE = 0xfffffffd;

export interface BitcoinInputFacts {
  /** `txid:vout`. */
  readonly outpoint: string;
  readonly address: string;
  /** Lower-case hex. */
  readonly scriptPubKey: string;
  readonly amountSat: bigint;
  /** Lower-case hex; hashes to the script above and has the form of a wallet's script. Null: a Taproot key path. */
  readonly witnessScript: string | null;
  readonly sequence: number;
}

export interface BitcoinOutputFacts {
  readonly index: number;
  readonly address: string;
  /** Lower-case hex. */
  readonly scriptPubKey: string;
  readonly amountSat: bigint;
}

/** What a PSBT does, from its bytes alone. */
export interface BitcoinFacts {
  readonly chain: BitcoinChainId;
  /** The id of the final transaction: segwit signatures do not change it (BIP-141). */
  readonly unsignedTxid: string;
  readonly inputs: readonly BitcoinInputFacts[];
  readonly outputs: readonly BitcoinOutputFacts[];
  /** Inputs less outputs; never negative. */
  readonly feeSat: bigint;
  /** Virtual bytes that the signed transaction cannot exceed. */
  readonly vsize: bigint;
  /** `feeSat / vsize`, rounded up. */
  readonly feeRateSatVb: bigint;
}

/** A PSBT that may be put before a signer, with its facts. */
export interface DecodedPsbt {
  readonly facts: BitcoinFacts;
  readonly unsigned: Transaction;
}

type PsbtInput = ReadPsbt['psbt']['data']['inputs'][number];

const INPUT_FIELDS = new Set(['nonWitnessUtxo', 'witnessUtxo', 'witnessScript', 'sighashType']);
const GLOBAL_FIELDS = new Set(['unsignedTx']);

/**
 * Decides on the bytes of a PSBT, whoever made it: every amount and script comes from a full previous transaction
 * whose id is the input's, every script has the form of a wallet's, nothing is signed yet, and no field is there that
 * is not needed. Never throws.
 *
 * Refusals: `bitcoin.psbt-malformed`, `bitcoin.psbt-field-not-allowed`, `bitcoin.previous-transaction-missing`,
 * `bitcoin.previous-transaction-mismatch`, `bitcoin.script-mismatch`, `bitcoin.sighash-not-all`,
 * `bitcoin.output-undecodable`, `bitcoin.transaction-not-standard`, `segregation.fee-negative`.
 */
export function decodePsbt(psbtBase64: string, chain: BitcoinChainId): Result<BitcoinFacts> {
  const decoded = decodeUnsignedPsbt(psbtBase64, chain);
  return decoded.ok ? accepted(decoded.value.facts) : decoded;
}

/** {@link decodePsbt} that also hands over the unsigned transaction. */
export function decodeUnsignedPsbt(psbtBase64: string, chain: BitcoinChainId): Result<DecodedPsbt> {
  const read = readPsbt(psbtBase64);
  if (!read.ok) return read;
  const { unsigned } = read.value;
  const fault = fieldFault(read.value) ?? frameFault(unsigned);
  if (fault !== undefined) return fault;
  if (!isCanonicalPsbt(read.value, psbtBase64)) {
    return refused('bitcoin.psbt-malformed', 'The PSBT is not written in the one canonical way.');
  }
  const inputs: BitcoinInputFacts[] = [];
  const witnessWeights: bigint[] = [];
  for (const [index, field] of read.value.psbt.data.inputs.entries()) {
    const input = decodeInput(unsigned, index, field, chain);
    if (!input.ok) return input;
    inputs.push(input.value.facts);
    witnessWeights.push(input.value.witnessWeight);
  }
  const outputs = decodeOutputs(unsigned, chain);
  if (!outputs.ok) return outputs;
  const facts = balance(chain, unsigned, inputs, outputs.value, witnessWeights);
  return facts.ok ? accepted({ facts: facts.value, unsigned }) : facts;
}

const fieldNotAllowed = (where: string, field: string) =>
  refused('bitcoin.psbt-field-not-allowed', 'The PSBT has a field that an unsigned payload must not have.', {
    where,
    field,
  });

/** Closed world: a field that nobody here needs is refused, signatures and unknown keys among them. */
function fieldFault({ psbt }: ReadPsbt) {
  const { globalMap, inputs, outputs } = psbt.data;
  const strange = (map: object, allowed: ReadonlySet<string>) => Object.keys(map).find((key) => !allowed.has(key));
  const global = strange(globalMap, GLOBAL_FIELDS);
  if (global !== undefined) return fieldNotAllowed('global', global);
  for (const [index, map] of inputs.entries()) {
    const field = strange(map, INPUT_FIELDS);
    if (field !== undefined) return fieldNotAllowed(`input ${index}`, field);
  }
  for (const [index, map] of outputs.entries()) {
    const field = strange(map, new Set());
    if (field !== undefined) return fieldNotAllowed(`output ${index}`, field);
  }
  return undefined;
}

const notStandard = (detail: string, facts: Record<string, string> = {}) =>
  refused('bitcoin.transaction-not-standard', detail, facts);

function frameFault(unsigned: Transaction) {
  const { version, locktime, ins, outs } = unsigned;
  if (version !== 2) return notStandard('The transaction version must be 2.', { version: String(version) });
  if (locktime !== 0) return notStandard('The transaction must have no lock time.', { locktime: String(locktime) });
  if (ins.length < 1 || ins.length > MAX_INPUTS) {
    return notStandard(`A transaction has 1 to ${MAX_INPUTS} inputs.`, { inputs: String(ins.length) });
  }
  if (outs.length < 1 || outs.length > MAX_OUTPUTS) {
    return notStandard(`A transaction has 1 to ${MAX_OUTPUTS} outputs.`, { outputs: String(outs.length) });
  }
  const sequence = ins.find((input) => input.sequence !== RBF_SEQUENCE)?.sequence;
  return sequence === undefined
    ? undefined
    : notStandard('Every input must have the sequence 0xfffffffd.', { sequence: `0x${sequence.toString(16)}` });
}

/** The id of a transaction as people write it: byte-reversed hex. */
export const txidOfHash = (hash: Uint8Array): string => toHex(Uint8Array.from(hash).reverse());

interface DecodedInput {
  readonly facts: BitcoinInputFacts;
  readonly witnessWeight: bigint;
}

function decodeInput(
  unsigned: Transaction,
  index: number,
  field: PsbtInput,
  chain: BitcoinChainId,
): Result<DecodedInput> {
  const spent = unsigned.ins[index];
  if (spent === undefined) return refused('bitcoin.psbt-malformed', 'The PSBT has more input maps than inputs.');
  const outpoint = `${txidOfHash(spent.hash)}:${spent.index}`;
  if (field.sighashType !== undefined && field.sighashType !== Transaction.SIGHASH_ALL) {
    return refused('bitcoin.sighash-not-all', 'Every input must be signed with SIGHASH_ALL.', { outpoint });
  }
  const coin = previousOutput(outpoint, spent, field);
  if (!coin.ok) return coin;
  const { script, value: amountSat } = coin.value;
  if (isTaprootScript(script) && field.witnessScript === undefined)
    return keyPathInput(coin.value, outpoint, chain, field);
  const { witnessScript } = field;
  const quorum = witnessScript && parseQuorumScript(witnessScript);
  const address = addressOfScript(script, chain);
  if (witnessScript === undefined || quorum === undefined || address === undefined) {
    return refused('bitcoin.script-mismatch', 'The input has no witness script in the form of a wallet.', { outpoint });
  }
  if (!sameBytes(script, Uint8Array.from([0x00, 0x20, ...sha256(witnessScript)]))) {
    return refused('bitcoin.script-mismatch', 'The witness script does not hash to the script of the coin.', {
      outpoint,
    });
  }
  return accepted({
    facts: {
      outpoint,
      address,
      scriptPubKey: toHex(script),
      amountSat,
      witnessScript: toHex(witnessScript),
      sequence: spent.sequence,
    },
    witnessWeight: quorumWitnessWeight(quorum.threshold, witnessScript.length),
  });
}

/** A coin that one BIP-340 signature spends, with SIGHASH_DEFAULT: written as no sighash type at all (BIP-341). */
function keyPathInput(
  { script, value: amountSat }: Transaction['outs'][number],
  outpoint: string,
  chain: BitcoinChainId,
  { sighashType }: PsbtInput,
): Result<DecodedInput> {
  const address = addressOfScript(script, chain);
  if (sighashType !== undefined)
    return refused('bitcoin.sighash-not-all', 'A Taproot input is signed with SIGHASH_DEFAULT.', { outpoint });
  if (address === undefined) return refused('bitcoin.script-mismatch', 'The coin’s key is no point.', { outpoint });
  const facts = {
    outpoint,
    address,
    scriptPubKey: toHex(script),
    amountSat,
    witnessScript: null,
    sequence: RBF_SEQUENCE,
  };
  return accepted({ facts, witnessWeight: KEY_PATH_WITNESS_WEIGHT });
}

/**
 * The output that an input spends, from the full previous transaction. A segwit digest commits to the amount of its
 * own input only, so a false `witnessUtxo` could hide a fee: it counts for nothing here, and must agree.
 */
function previousOutput(
  outpoint: string,
  spent: Transaction['ins'][number],
  field: PsbtInput,
): Result<Transaction['outs'][number]> {
  if (field.nonWitnessUtxo === undefined) {
    return refused('bitcoin.previous-transaction-missing', 'Every input needs its full previous transaction.', {
      outpoint,
    });
  }
  const mismatch = (detail: string) => refused('bitcoin.previous-transaction-mismatch', detail, { outpoint });
  let previous: Transaction;
  try {
    previous = Transaction.fromBuffer(field.nonWitnessUtxo);
  } catch {
    return mismatch('The previous transaction cannot be read.');
  }
  if (!sameBytes(previous.getHash(), spent.hash)) return mismatch('The previous transaction has another id.');
  const output = previous.outs[spent.index];
  if (output === undefined) return mismatch('The previous transaction has no such output.');
  if (output.value < 0n || output.value > MAX_SAT) return mismatch('The coin holds more than there can be.');
  const claimed = field.witnessUtxo;
  if (claimed !== undefined && (claimed.value !== output.value || !sameBytes(claimed.script, output.script))) {
    return mismatch('The witness UTXO does not agree with the previous transaction.');
  }
  return accepted(output);
}

function decodeOutputs(unsigned: Transaction, chain: BitcoinChainId): Result<readonly BitcoinOutputFacts[]> {
  const outputs: BitcoinOutputFacts[] = [];
  for (const [index, { script, value }] of unsigned.outs.entries()) {
    const address = addressOfScript(script, chain);
    if (address === undefined) {
      return refused('bitcoin.output-undecodable', 'An output is not a standard address.', {
        index: String(index),
        scriptPubKey: toHex(script).slice(0, 200),
      });
    }
    if (value > MAX_SAT) return notStandard('An output holds more than there can be.', { index: String(index) });
    outputs.push({ index, address, scriptPubKey: toHex(script), amountSat: value });
  }
  return accepted(outputs);
}

const totalSat = (parts: readonly { readonly amountSat: bigint }[]): bigint =>
  parts.reduce((sum, part) => sum + part.amountSat, 0n);

function balance(
  chain: BitcoinChainId,
  unsigned: Transaction,
  inputs: readonly BitcoinInputFacts[],
  outputs: readonly BitcoinOutputFacts[],
  witnessWeights: readonly bigint[],
): Result<BitcoinFacts> {
  const spentSat = totalSat(inputs);
  const paidSat = totalSat(outputs);
  if (paidSat > spentSat) {
    return refused('segregation.fee-negative', 'The outputs hold more than the inputs.', {
      inputsSat: String(spentSat),
      outputsSat: String(paidSat),
    });
  }
  const feeSat = spentSat - paidSat;
  const scriptLengths = unsigned.outs.map((output) => output.script.length);
  const vsize = vsizeBound(witnessWeights, scriptLengths);
  const feeRateSatVb = (feeSat + vsize - 1n) / vsize;
  return accepted({ chain, unsignedTxid: unsigned.getId(), inputs, outputs, feeSat, vsize, feeRateSatVb });
}
