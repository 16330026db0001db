import { accepted, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { address as codec, networks, type Network } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { networkOf, SEGWIT_PREFIXES } from './networks.js';

export interface ParsedAddress {
  /** The one spelling of this address: segwit addresses in lower case. */
  readonly address: string;
  readonly scriptPubKey: Uint8Array;
}

const NETWORKS: readonly Network[] = [networks.bitcoin, networks.testnet, networks.regtest];

const P2PKH_HEAD = [0x76, 0xa9, 0x14];
const P2PKH_TAIL = [0x88, 0xac];
const P2SH_HEAD = [0xa9, 0x14];
const P2SH_TAIL = [0x87];

const framed = (head: readonly number[], body: Uint8Array, tail: readonly number[]): Uint8Array =>
  Uint8Array.from([...head, ...body, ...tail]);

/** The body between `head` and `tail` when the script is exactly that, with `length` bytes between them. */
function bodyBetween(
  script: Uint8Array,
  head: readonly number[],
  length: number,
  tail: readonly number[],
): Uint8Array | undefined {
  if (script.length !== head.length + length + tail.length) return undefined;
  const fits =
    head.every((byte, i) => script[i] === byte) && tail.every((byte, i) => script[head.length + length + i] === byte);
  return fits ? script.subarray(head.length, head.length + length) : undefined;
}

/**
 * A witness program that a wallet may pay to. Unknown versions may be spent by anybody today (BIP-141), and a Taproot
 * output whose key is no point of the curve by nobody: neither is an address here.
 */
function isPayableProgram(version: number, program: Uint8Array): boolean {
  if (version === 0) return program.length === 20 || program.length === 32;
  return version === 1 && program.length === 32 && ecc.isXOnlyPoint(program);
}

const programScript = (version: number, program: Uint8Array): Uint8Array =>
  framed([version === 0 ? 0 : 0x50 + version, program.length], program, []);

const malformed = (address: string) =>
  refused(
    'address.malformed',
    'This is no Bitcoin address: P2PKH, P2SH, P2WPKH, P2WSH and P2TR addresses can be paid.',
    {
      address: address.slice(0, 120),
    },
  );
const badChecksum = (address: string) =>
  refused('address.bad-checksum', 'The checksum of this address is wrong: at least one character was mistyped.', {
    address,
  });
const wrongNetwork = (address: string, chain: BitcoinChainId) =>
  refused('address.wrong-network', 'This address belongs to another Bitcoin network.', { address, chain });

/**
 * The script an address stands for. `address.malformed`, `address.bad-checksum` (base58check, or BIP-173/BIP-350), or
 * `address.wrong-network` when it is sound on another Bitcoin network. testnet4 and signet share their addresses.
 */
export function parseBitcoinAddress(address: string, chain: BitcoinChainId): Result<ParsedAddress> {
  if (address.length > 90) return malformed(address);
  const prefix = address.slice(0, Math.max(0, address.lastIndexOf('1'))).toLowerCase();
  return (SEGWIT_PREFIXES as readonly string[]).includes(prefix)
    ? parseSegwit(address, chain)
    : parseBase58(address, chain);
}

function parseSegwit(address: string, chain: BitcoinChainId): Result<ParsedAddress> {
  const canonical = address.toLowerCase();
  const oneCase = address === canonical || address === address.toUpperCase();
  const data = canonical.slice(canonical.lastIndexOf('1') + 1);
  if (!oneCase || !/^[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{6,}$/.test(data)) return malformed(address);
  let decoded: ReturnType<typeof codec.fromBech32>;
  try {
    decoded = codec.fromBech32(canonical);
  } catch (error) {
    // The codec tells its reasons apart by message only.
    return error instanceof Error && error.message.startsWith('Invalid checksum')
      ? badChecksum(address)
      : malformed(address);
  }
  if (!isPayableProgram(decoded.version, decoded.data)) return malformed(address);
  if (decoded.prefix !== networkOf(chain).bech32) return wrongNetwork(address, chain);
  return accepted({ address: canonical, scriptPubKey: programScript(decoded.version, decoded.data) });
}

function parseBase58(address: string, chain: BitcoinChainId): Result<ParsedAddress> {
  if (!/^[1-9A-HJ-NP-Za-km-z]{26,35}$/.test(address)) return malformed(address);
  let decoded: ReturnType<typeof codec.fromBase58Check>;
  try {
    decoded = codec.fromBase58Check(address);
  } catch (error) {
    return error instanceof Error && error.message === 'Invalid checksum' ? badChecksum(address) : malformed(address);
  }
  const { version, hash } = decoded;
  const own = networkOf(chain);
  if (version === own.pubKeyHash) {
    return accepted({ address, scriptPubKey: framed(P2PKH_HEAD, hash, P2PKH_TAIL) });
  }
  if (version === own.scriptHash) return accepted({ address, scriptPubKey: framed(P2SH_HEAD, hash, P2SH_TAIL) });
  const elsewhere = NETWORKS.some((network) => version === network.pubKeyHash || version === network.scriptHash);
  return elsewhere ? wrongNetwork(address, chain) : malformed(address);
}

/** The address of a standard output script, or undefined for a script that has none (see {@link parseBitcoinAddress}). */
export function addressOfScript(scriptPubKey: Uint8Array, chain: BitcoinChainId): string | undefined {
  const network = networkOf(chain);
  const publicKeyHash = bodyBetween(scriptPubKey, P2PKH_HEAD, 20, P2PKH_TAIL);
  if (publicKeyHash !== undefined) return codec.toBase58Check(publicKeyHash, network.pubKeyHash);
  const scriptHash = bodyBetween(scriptPubKey, P2SH_HEAD, 20, P2SH_TAIL);
  if (scriptHash !== undefined) return codec.toBase58Check(scriptHash, network.scriptHash);
  const version = scriptPubKey[0] === 0 ? 0 : 1;
  const program = scriptPubKey.subarray(2);
  if (!isPayableProgram(version, program)) return undefined;
  const expected = programScript(version, program);
  return Buffer.compare(expected, scriptPubKey) === 0 ? codec.toBech32(program, version, network.bech32) : undefined;
}
