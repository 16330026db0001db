import { keccak256 } from 'ethers/crypto';
import { concat, getBytes, toBeHex } from 'ethers/utils';
import fc from 'fast-check';
import { newOwnerKey } from '../test/owner-keys.js';
import { recoverableSignature, recoverSigner } from './signatures.js';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const digest = keccak256('0x01');

describe('a raw signature', () => {
  it('becomes recoverable, with the v that gives its owner', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const key = newOwnerKey();
      const signature = recoverableSignature(getBytes(digest), key.sign(digest), key.address.toLowerCase());
      if (!signature.ok) throw new Error(signature.refusal.code);
      expect(recoverSigner(digest, signature.value)).toBe(key.address);
      seen.add(signature.value.slice(-2));
    }
    expect([...seen].sort()).toEqual(['1b', '1c']);
  });

  it('of somebody else, or over something else, is refused', () => {
    const [key, other] = [newOwnerKey(), newOwnerKey()];
    const code = 'ethereum.wrong-signer';
    expect(recoverableSignature(digest, other.sign(digest), key.address)).toMatchObject({ refusal: { code } });
    const elsewhere = key.sign(keccak256('0x02'));
    expect(recoverableSignature(digest, elsewhere, key.address)).toMatchObject({ refusal: { code } });
  });

  it('with a high s is refused: EIP-2 allows one form only', () => {
    const key = newOwnerKey();
    const low = key.sign(digest);
    const s = BigInt(`0x${Buffer.from(low.subarray(32)).toString('hex')}`);
    const high = getBytes(concat([low.subarray(0, 32), toBeHex(ORDER - s, 32)]));
    expect(recoverableSignature(digest, high, key.address)).toMatchObject({
      refusal: { code: 'keys.signature-invalid' },
    });
  });

  it('that is any 64 bytes, or any other number of them, never throws', () => {
    const { address } = newOwnerKey();
    const bytes = fc.oneof(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.uint8Array({ maxLength: 70 }));
    fc.assert(fc.property(bytes, (each) => !recoverableSignature(digest, each, address).ok));
    expect(recoverableSignature(digest, new Uint8Array(64), address).ok).toBe(false);
  });
});
