import { opcodes, script } from 'bitcoinjs-lib';
import { sameBytes, toHex, fromHex } from './bytes.js';
import { MAX_DELAY_BLOCKS, MAX_QUORUM_KEYS } from './wallet-spec.js';

/** What one address's script says: the quorum, and who may spend after how many blocks. */
export interface QuorumScript {
  readonly threshold: number;
  /** Compressed public keys, hex, in script order: the order in which CHECKMULTISIG wants the signatures. */
  readonly quorumKeys: readonly string[];
  /** HASH160 of the recovery public key, hex. */
  readonly recoveryKeyHash: string;
  readonly recoveryDelayBlocks: number;
}

const smallNumber = (value: number): number => opcodes.OP_1 + value - 1;

/** Script numbers up to 16 have opcodes of their own, and minimal encoding (BIP-62 rule 3) demands them. */
const pushNumber = (value: number): number | Uint8Array =>
  value <= 16 ? smallNumber(value) : script.number.encode(value);

/**
 * The witness script of `or_d(multi(t,K1,..,Kn),and_v(v:pkh(R),older(T)))`, as the miniscript reference compiles it
 * (BIP-379): `<multi> IFDUP NOTIF DUP HASH160 <h> EQUALVERIFY CHECKSIGVERIFY <T> CSV ENDIF`.
 */
export function compileQuorumScript(parts: QuorumScript): Uint8Array {
  return script.compile([
    smallNumber(parts.threshold),
    ...parts.quorumKeys.map(fromHex),
    smallNumber(parts.quorumKeys.length),
    opcodes.OP_CHECKMULTISIG,
    opcodes.OP_IFDUP,
    opcodes.OP_NOTIF,
    opcodes.OP_DUP,
    opcodes.OP_HASH160,
    fromHex(parts.recoveryKeyHash),
    opcodes.OP_EQUALVERIFY,
    opcodes.OP_CHECKSIGVERIFY,
    pushNumber(parts.recoveryDelayBlocks),
    opcodes.OP_CHECKSEQUENCEVERIFY,
    opcodes.OP_ENDIF,
  ]);
}

function readNumber(chunk: number | Uint8Array | undefined): number | undefined {
  if (typeof chunk === 'number') return chunk >= smallNumber(1) && chunk <= smallNumber(16) ? chunk - 0x50 : undefined;
  if (chunk === undefined || chunk.length > 3) return undefined;
  return script.number.decode(chunk, 3, true);
}

const hexOfPush = (chunk: number | Uint8Array | undefined, length: number): string | undefined =>
  chunk instanceof Uint8Array && chunk.length === length ? toHex(chunk) : undefined;

/** The parts of a wallet's witness script, or undefined for a script of any other form, to the byte. */
export function parseQuorumScript(bytes: Uint8Array): QuorumScript | undefined {
  try {
    const chunks = script.decompile(bytes) ?? [];
    const keyCount = chunks.length - 13;
    const threshold = readNumber(chunks[0]);
    const quorumKeys = chunks.slice(1, 1 + keyCount).map((chunk) => hexOfPush(chunk, 33) ?? '');
    const recoveryKeyHash = hexOfPush(chunks[keyCount + 7], 20);
    const recoveryDelayBlocks = readNumber(chunks[keyCount + 10]);
    if (keyCount < 1 || keyCount > MAX_QUORUM_KEYS || quorumKeys.includes('')) return undefined;
    if (threshold === undefined || threshold > keyCount || recoveryKeyHash === undefined) return undefined;
    if (recoveryDelayBlocks === undefined || recoveryDelayBlocks < 1 || recoveryDelayBlocks > MAX_DELAY_BLOCKS) {
      return undefined;
    }
    const parts: QuorumScript = { threshold, quorumKeys, recoveryKeyHash, recoveryDelayBlocks };
    // Compiling again and comparing decides every opcode and every push at once.
    return sameBytes(compileQuorumScript(parts), bytes) ? parts : undefined;
  } catch {
    return undefined; // not a script at all, or a number that is not minimally encoded
  }
}
