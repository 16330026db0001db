import { accepted, refused, type Result } from '@bulkhead/intent';
import { getAddress } from 'ethers/address';
import { ZeroAddress } from 'ethers/constants';
import { keccak256 } from 'ethers/crypto';
import { dataSlice } from 'ethers/utils';
import * as secp256k1 from 'tiny-secp256k1';

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const COMPRESSED_KEY = /^0[23][0-9a-f]{64}$/;

/**
 * An address as a person gives it, in its EIP-55 form. All lower or all upper case digits are taken as they are; mixed
 * case is a checksum and must be right. The zero address is nobody's: refused.
 */
export function parseEthereumAddress(text: string): Result<string> {
  if (!ADDRESS.test(text)) {
    return refused('address.malformed', 'An Ethereum address is 0x and 40 hex digits.', { address: text });
  }
  if (/^0x0{40}$/.test(text)) {
    return refused('address.malformed', 'The zero address belongs to nobody: what it gets is lost.', { address: text });
  }
  const checksummed = getAddress(text.toLowerCase());
  const digits = text.slice(2);
  const hasChecksum = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  if (hasChecksum && text !== checksummed) {
    return refused(
      'address.bad-checksum',
      'The letter case of this address is not its EIP-55 checksum: copy it again.',
      {
        address: text,
      },
    );
  }
  return accepted(checksummed);
}

/** Whether two well-formed addresses are the same account, whatever their letter case. */
export const isSameAddress = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export const isZeroAddress = (address: string): boolean => address === ZeroAddress;

/** Whether this is a secp256k1 point in SEC 1 compressed form, as 66 lower-case hex digits. */
export function isOwnerKey(compressedPublicKey: string): boolean {
  return COMPRESSED_KEY.test(compressedPublicKey) && secp256k1.isPoint(Buffer.from(compressedPublicKey, 'hex'));
}

/**
 * The EIP-55 address of a secp256k1 key: the last 20 bytes of keccak-256 over the uncompressed point.
 * `compressedPublicKey`: 66 hex digits for which {@link isOwnerKey} is true; throws on any other.
 */
export const ownerAddress = (compressedPublicKey: string): string =>
  pointAddress(secp256k1.pointCompress(Buffer.from(compressedPublicKey, 'hex'), false));

/** The EIP-55 address of a point in SEC 1 uncompressed form, 65 bytes. */
export const pointAddress = (uncompressed: Uint8Array): string =>
  getAddress(dataSlice(keccak256(uncompressed.subarray(1)), 12));
