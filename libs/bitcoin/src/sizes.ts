/** More inputs make a transaction that a signer would have to read for too long; 200 of 15 keys stay standard. */
export const MAX_INPUTS = 200;
export const MAX_OUTPUTS = 50;

/** DER of a low-S signature is at most 71 bytes (6 of framing, r 33, s 32; BIP-66), and the sighash byte follows. */
const SIGNATURE_BYTES = 72n;
const INPUT_BYTES = 41n; // outpoint 36, empty script length 1, sequence 4
const VALUE_BYTES = 8n;
const VERSION_AND_LOCKTIME_BYTES = 8n;
const SEGWIT_MARKER_AND_FLAG_WEIGHT = 2n;

/** Bytes of a CompactSize integer. */
const compactSize = (value: bigint): bigint => (value < 0xfdn ? 1n : value <= 0xffffn ? 3n : 5n);

const outputBytes = (scriptLength: number): bigint =>
  VALUE_BYTES + compactSize(BigInt(scriptLength)) + BigInt(scriptLength);

/** Weight of one input's witness: the empty item of CHECKMULTISIG, `threshold` signatures, the script. */
export function quorumWitnessWeight(threshold: number, scriptLength: number): bigint {
  const script = BigInt(scriptLength);
  const signatures = BigInt(threshold) * (1n + SIGNATURE_BYTES);
  return compactSize(BigInt(threshold) + 2n) + 1n + signatures + compactSize(script) + script;
}

/** Weight of the witness of a Taproot key path: a count, a length, and 64 bytes of BIP-340 (SIGHASH_DEFAULT). */
export const KEY_PATH_WITNESS_WEIGHT = 66n;

/**
 * Virtual size in vbytes (BIP-141) that a transaction cannot exceed once a quorum has signed it.
 *
 * @param witnessWeights one {@link quorumWitnessWeight} per input
 * @param outputScriptLengths length in bytes of each output script
 */
export function vsizeBound(witnessWeights: readonly bigint[], outputScriptLengths: readonly number[]): bigint {
  const inputs = BigInt(witnessWeights.length);
  const outputs = BigInt(outputScriptLengths.length);
  const stripped =
    VERSION_AND_LOCKTIME_BYTES +
    compactSize(inputs) +
    inputs * INPUT_BYTES +
    compactSize(outputs) +
    outputScriptLengths.reduce((sum, length) => sum + outputBytes(length), 0n);
  const witness = witnessWeights.reduce((sum, weight) => sum + weight, SEGWIT_MARKER_AND_FLAG_WEIGHT);
  return (stripped * 4n + witness + 3n) / 4n;
}

const DUST_RELAY_SAT_PER_KVB = 3000n;
const SPEND_WITNESS_PROGRAM_BYTES = 67n; // 32 + 4 + 1 + 107/4 + 4
const SPEND_LEGACY_BYTES = 148n;

const isWitnessProgram = (script: Uint8Array): boolean => {
  const [version = 0xff, length = 0] = script;
  const versioned = version === 0 || (version >= 0x51 && version <= 0x60);
  return versioned && script.length >= 4 && script.length <= 42 && length === script.length - 2;
};

/**
 * The least amount, in satoshi, an output to this script may hold to be relayed: `GetDustThreshold` of Bitcoin Core's
 * policy/policy.cpp at its default `-dustrelayfee` of 3000 sat/kvB (546 for P2PKH, 540 P2SH, 294 P2WPKH, 330 P2WSH
 * and P2TR).
 */
export function dustLimitSat(scriptPubKey: Uint8Array): bigint {
  const spend = isWitnessProgram(scriptPubKey) ? SPEND_WITNESS_PROGRAM_BYTES : SPEND_LEGACY_BYTES;
  return ((outputBytes(scriptPubKey.length) + spend) * DUST_RELAY_SAT_PER_KVB) / 1000n;
}
