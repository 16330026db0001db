import { accepted, refused, type Result } from '@bulkhead/intent';
import { Psbt, Transaction } from 'bitcoinjs-lib';

/** As long as the payload schema of `@bulkhead/intent` lets a PSBT be. */
const MAX_BASE64_LENGTH = 4_000_000;

export interface ReadPsbt {
  readonly psbt: Psbt;
  readonly unsigned: Transaction;
}

const malformed = (detail: string) => refused('bitcoin.psbt-malformed', detail);

/** Only one spelling of base64 (RFC 4648 section 4), because approvals are given to the exact text. */
function bytesOfBase64(text: string): Uint8Array | undefined {
  if (text.length === 0 || text.length > MAX_BASE64_LENGTH) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

/**
 * Reads a BIP-174 PSBT (version 0) and no more: whether it may be signed is for `decodePsbt`. Whatever does not come
 * out of writing it again byte for byte is refused: bytes after the end, unusual integer encodings.
 */
export function readPsbt(base64: string): Result<ReadPsbt> {
  const bytes = bytesOfBase64(base64);
  if (bytes === undefined) return malformed('A PSBT is given in base64, padded, without line breaks.');
  try {
    const psbt = Psbt.fromBuffer(bytes);
    const unsigned = Transaction.fromBuffer(psbt.data.getTransaction());
    return accepted({ psbt, unsigned });
  } catch {
    return malformed('These bytes are no BIP-174 PSBT.');
  }
}

/** Whether the PSBT's base64 is what this library would write for the same content. */
export const isCanonicalPsbt = (read: ReadPsbt, base64: string): boolean => {
  try {
    return read.psbt.toBase64() === base64;
  } catch {
    return false;
  }
};
