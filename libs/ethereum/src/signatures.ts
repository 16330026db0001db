import { accepted, refused, type Result } from '@bulkhead/intent';
import { getBytes, hexlify } from 'ethers/utils';
import * as secp256k1 from 'tiny-secp256k1';
import { isSameAddress, pointAddress } from './addresses.js';

/** secp256k1n / 2: the largest s that EIP-2 and BIP-62 allow. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** `digest`: 32 bytes, or their 0x hex. */
export type DigestBytes = Uint8Array | string;

/** Whether this is 65 bytes of hex with v 27 or 28 and a low s: an ECDSA signature in the one form that we make. */
export const isCanonicalSignature = (signature: string): boolean =>
  /^0x[0-9a-f]{128}1[bc]$/.test(signature) && BigInt(`0x${signature.slice(66, 130)}`) <= HALF_ORDER;

/**
 * An HSM's raw r || s as the 65 bytes r || s || v (v 27 or 28) that a Safe and `ecrecover` take, lower-case hex.
 * Refused: `keys.signature-invalid` (not 64 bytes, or high s), `ethereum.wrong-signer` (not by `ownerAddress`).
 */
export function recoverableSignature(digest: DigestBytes, sig64: Uint8Array, ownerAddress: string): Result<string> {
  if (sig64.length !== 64) {
    return refused('keys.signature-invalid', 'A raw signature is 64 bytes, r and s.', { bytes: String(sig64.length) });
  }
  const rs = hexlify(sig64);
  if (BigInt(`0x${rs.slice(66)}`) > HALF_ORDER) {
    return refused(
      'keys.signature-invalid',
      'The signature has a high s (EIP-2): make it low before it leaves the signer.',
    );
  }
  for (const v of ['1b', '1c']) {
    const signer = recoverSigner(digest, `${rs}${v}`);
    if (signer !== undefined && isSameAddress(signer, ownerAddress)) return accepted(`${rs}${v}`);
  }
  return refused('ethereum.wrong-signer', 'The signature is not by this owner.', { owner: ownerAddress });
}

/**
 * The EIP-55 address whose key made this 65-byte signature over the digest (what `ecrecover` says), or undefined when
 * it has another form than {@link recoverableSignature} gives, or no key can have made it.
 */
export function recoverSigner(digest: DigestBytes, signature: string): string | undefined {
  if (!isCanonicalSignature(signature)) return undefined;
  const rs = getBytes(signature.slice(0, 130));
  try {
    // not ethers' recovery: it takes some ten times as long, and each transfer waits for several
    const point = secp256k1.recover(getBytes(digest), rs, signature.endsWith('1b') ? 0 : 1, false);
    return point ? pointAddress(point) : undefined;
  } catch {
    return undefined; // r or s is zero, or not below the order
  }
}
