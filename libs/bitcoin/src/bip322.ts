import { accepted, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { payments, script, Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { parseBitcoinAddress } from './addresses.js';
import { hash160, sameBytes, sha256 } from './bytes.js';

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'ascii'));
const base64 = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
};

const TAG = sha256(ascii('BIP0322-signed-message'));
const SIMPLE = 'smp';
const OP_0 = 0;
const OP_RETURN = 0x6a;
const NULL_HASH = new Uint8Array(32);

const unproven = (problem: string, address: string) =>
  refused('address.ownership-unproven', 'This is no signature of the message by the keys of the address.', {
    problem,
    address,
  });

/**
 * Whether the keys of an address have signed a message: a BIP-322 "simple" signature for P2WPKH, P2TR by its key,
 * P2SH-P2WPKH and P2WSH with plain `multi`, or the 65-byte signed message of old for P2PKH. Signatures commit to all
 * (SIGHASH_ALL or the Taproot default) and have a low s. Other scripts, other forms of BIP-322 ("full", proofs of
 * funds) and whatever cannot be read are `address.ownership-unproven`; a bad address is refused as such.
 *
 * @param signature base64, with or without BIP-322's prefix `smp`.
 */
export function verifyMessage(
  message: string,
  address: string,
  chain: BitcoinChainId,
  signature: string,
): Result<true> {
  const parsed = parseBitcoinAddress(address, chain);
  if (!parsed.ok) return parsed;
  const { scriptPubKey } = parsed.value;
  const legacy = publicKeyHashOf(scriptPubKey);
  const bytes = base64(!legacy && signature.startsWith(SIMPLE) ? signature.slice(SIMPLE.length) : signature);
  if (!bytes) return unproven('it is not base64', address);
  if (legacy) {
    return isLegacySigned(message, legacy, bytes) ? accepted(true) : unproven('the signature is not right', address);
  }
  const witness = readWitness(bytes);
  if (!witness) return unproven('it is no witness of BIP-322', address);
  const toSign = toSignTransaction(toSpendTransaction(message, scriptPubKey));
  return isWitnessRight(toSign, scriptPubKey, witness)
    ? accepted(true)
    : unproven('the signature is not right', address);
}

/** BIP-322 `to_spend`: a transaction that can never be on a chain, and commits to the message and the script. */
export function toSpendTransaction(message: string, scriptPubKey: Uint8Array): Transaction {
  const hash = sha256(TAG, TAG, new Uint8Array(Buffer.from(message, 'utf8')));
  const transaction = new Transaction();
  transaction.version = 0;
  transaction.addInput(NULL_HASH, 0xffffffff, 0, Uint8Array.from([OP_0, hash.length, ...hash]));
  transaction.addOutput(scriptPubKey, 0n);
  return transaction;
}

/** BIP-322 `to_sign`, still without its witness: it spends the one output of `to_spend`. */
export function toSignTransaction(toSpend: Transaction): Transaction {
  const transaction = new Transaction();
  transaction.version = 0;
  transaction.addInput(toSpend.getHash(), 0, 0);
  transaction.addOutput(Uint8Array.from([OP_RETURN]), 0n);
  return transaction;
}

/** A witness stack as transactions hold it, whole: none beyond what P2WSH multisig needs. */
function readWitness(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const view = Buffer.from(bytes);
  let at = 0;
  const size = (): number => {
    const first = view.readUInt8(at);
    at += 1;
    if (first < 0xfd) return first;
    if (first !== 0xfd) throw new RangeError('longer than any witness here');
    at += 2;
    return view.readUInt16LE(at - 2);
  };
  try {
    const items: Uint8Array[] = [];
    for (let left = size(); left > 0; left -= 1) {
      const length = size();
      if (at + length > bytes.length) return undefined;
      items.push(bytes.subarray(at, at + length));
      at += length;
    }
    return at === bytes.length ? items : undefined;
  } catch {
    return undefined; // it ends within a number
  }
}

function isWitnessRight(toSign: Transaction, scriptPubKey: Uint8Array, witness: readonly Uint8Array[]): boolean {
  const [version, length] = scriptPubKey;
  const program = scriptPubKey.subarray(2);
  if (version === 0 && length === 20) return isKeyHashWitness(toSign, program, witness);
  if (version === 0 && length === 32) return isMultisigWitness(toSign, program, witness);
  if (version === 0x51) return isTaprootWitness(toSign, scriptPubKey, witness);
  const nested = hash160(Uint8Array.from([0, 20, ...hash160(witness.at(-1) ?? NULL_HASH)]));
  const isNested = sameBytes(scriptPubKey.subarray(2, 22), nested);
  return isNested && isKeyHashWitness(toSign, hash160(witness.at(-1) ?? NULL_HASH), witness);
}

function isKeyHashWitness(toSign: Transaction, keyHash: Uint8Array, witness: readonly Uint8Array[]): boolean {
  const [signature, publicKey, ...more] = witness;
  if (!signature || publicKey?.length !== 33 || more.length > 0 || !sameBytes(hash160(publicKey), keyHash))
    return false;
  return isSignedBy(toSign, keyHashScript(keyHash), publicKey, signature);
}

const keyHashScript = (hash: Uint8Array): Uint8Array => Uint8Array.from([0x76, 0xa9, 20, ...hash, 0x88, 0xac]);

/** BIP-143 over the script, with SIGHASH_ALL; the signature in strict DER (BIP-66). */
function isSignedBy(toSign: Transaction, code: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  try {
    const { signature: rs, hashType } = script.signature.decode(signature);
    if (hashType !== Transaction.SIGHASH_ALL) return false;
    return ecc.verify(toSign.hashForWitnessV0(0, code, 0n, hashType), publicKey, rs, true);
  } catch {
    return false; // no DER, or no point of the curve
  }
}

/** `multi(m, K1..Kn)`: as many signatures as it asks for, in the order of the keys. */
function isMultisigWitness(toSign: Transaction, program: Uint8Array, witness: readonly Uint8Array[]): boolean {
  const code = witness.at(-1);
  if (!code || !sameBytes(sha256(code), program)) return false;
  const multisig = multisigOf(code);
  const [dummy, ...signatures] = witness.slice(0, -1);
  if (!multisig || dummy?.length !== 0 || signatures.length !== multisig.threshold) return false;
  let next = 0;
  return signatures.every((signature) => {
    while (next < multisig.publicKeys.length) {
      const publicKey = multisig.publicKeys[next];
      next += 1;
      if (publicKey && isSignedBy(toSign, code, publicKey, signature)) return true;
    }
    return false;
  });
}

function multisigOf(code: Uint8Array): { threshold: number; publicKeys: readonly Uint8Array[] } | undefined {
  try {
    const { m, pubkeys } = payments.p2ms({ output: code });
    return m === undefined || pubkeys === undefined ? undefined : { threshold: m, publicKeys: pubkeys };
  } catch {
    return undefined; // another script than that
  }
}

/** BIP-341 key path: one Schnorr signature (BIP-340), no annex. */
function isTaprootWitness(toSign: Transaction, scriptPubKey: Uint8Array, witness: readonly Uint8Array[]): boolean {
  const [signature, ...more] = witness;
  if (!signature || more.length > 0) return false;
  const hashType = signature.length === 65 ? signature[64] : Transaction.SIGHASH_DEFAULT;
  if (signature.length !== 64 && hashType !== Transaction.SIGHASH_ALL) return false;
  const digest = toSign.hashForWitnessV1(0, [scriptPubKey], [0n], hashType ?? Transaction.SIGHASH_DEFAULT);
  return ecc.verifySchnorr(digest, scriptPubKey.subarray(2), signature.subarray(0, 64));
}

/** The hash of a P2PKH output. */
const publicKeyHashOf = (scriptPubKey: Uint8Array): Uint8Array | undefined =>
  scriptPubKey.length === 25 ? scriptPubKey.subarray(3, 23) : undefined;

/** Bitcoin Core's `verifymessage`: 27 to 30 for an uncompressed key, 31 to 34 for a compressed one, then r and s. */
function isLegacySigned(message: string, keyHash: Uint8Array, signature: Uint8Array): boolean {
  const form = (signature[0] ?? 0) - 27;
  if (signature.length !== 65 || form < 0 || form > 7) return false;
  const digest = legacyDigest(message);
  const rs = signature.subarray(1);
  try {
    const publicKey = ecc.recover(digest, rs, (form & 3) as ecc.RecoveryIdType, form >= 4);
    return publicKey !== null && sameBytes(hash160(publicKey), keyHash) && ecc.verify(digest, publicKey, rs, true);
  } catch {
    return false; // r or s is zero, or not below the order
  }
}

function legacyDigest(message: string): Uint8Array {
  const text = Buffer.from(message, 'utf8');
  const size = text.length < 0xfd ? [text.length] : [0xfd, text.length & 0xff, text.length >> 8];
  return sha256(sha256(ascii('\x18Bitcoin Signed Message:\n'), Uint8Array.from(size), new Uint8Array(text)));
}
