import { randomBytes, SigningKey } from 'ethers/crypto';
import { concat, getBytes, hexlify } from 'ethers/utils';
import { ownerAddress } from '../src/addresses.js';

/** A key as an HSM holds it: gives its point, and raw low-s r || s over a digest. */
export interface OwnerKey {
  readonly publicKey: string;
  readonly address: string;
  sign(digest: string | Uint8Array): Uint8Array;
}

/** A key of this run only. */
export function newOwnerKey(): OwnerKey {
  const key = new SigningKey(hexlify(randomBytes(32)));
  const publicKey = key.compressedPublicKey.slice(2);
  return {
    publicKey,
    address: ownerAddress(publicKey),
    sign: (digest) => {
      const { r, s } = key.sign(digest);
      return getBytes(concat([r, s]));
    },
  };
}
