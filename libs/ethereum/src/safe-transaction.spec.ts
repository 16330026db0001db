import { erc20Asset, etherAsset, type EthereumChainId, type SafeTx } from '@bulkhead/intent';
import { calculateSafeTransactionHash } from '@safe-global/protocol-kit';
import { getAddress } from 'ethers/address';
import { dataSlice } from 'ethers/utils';
import fc from 'fast-check';
import { newOwnerKey } from '../test/owner-keys.js';
import { buildSafeTransfer, decodeExecTransaction, encodeExecTransaction, safeTxHash } from './safe-transaction.js';
import { recoverableSignature } from './signatures.js';

const chain: EthereumChainId = 'eip155:31337';
const safe = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const bob = '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB';
const tx = buildSafeTransfer({ asset: etherAsset(chain), to: bob, amount: 1n, nonce: 0n });

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
const anAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => getAddress(hex(bytes)));
const aUint = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }).map(String);
const aSafeTx: fc.Arbitrary<SafeTx> = fc.record({
  to: anAddress,
  value: aUint,
  data: fc.uint8Array({ maxLength: 200 }).map(hex),
  operation: fc.constantFrom(0 as const, 1 as const),
  safeTxGas: aUint,
  baseGas: aUint,
  gasPrice: aUint,
  gasToken: anAddress,
  refundReceiver: anAddress,
  nonce: fc.nat().map(String),
});

describe('the hash that owners sign', () => {
  it("is the one that Safe's own kit computes with another library", () => {
    fc.assert(
      fc.property(aSafeTx, anAddress, fc.integer({ min: 1, max: 2 ** 31 }), (each, account, number) => {
        const same: Parameters<typeof calculateSafeTransactionHash>[1] = JSON.parse(
          JSON.stringify({ ...each, nonce: Number(each.nonce) }),
        );
        const theirs = calculateSafeTransactionHash(account, same, '1.4.1', BigInt(number));
        expect(safeTxHash(`eip155:${number}`, account, each)).toBe(theirs);
      }),
      { numRuns: 30 },
    );
  });

  it('differs by chain and by Safe, so that a signature is good for one account on one chain', () => {
    const hashes = [safeTxHash(chain, safe, tx), safeTxHash('eip155:1', safe, tx), safeTxHash(chain, bob, tx)];
    expect(new Set(hashes).size).toBe(3);
  });
});

describe('a transfer', () => {
  it('of ether is a plain payment', () => {
    expect(tx).toMatchObject({ to: bob, value: '1', data: '0x', operation: 0, nonce: '0' });
  });

  it('of a token calls its contract', () => {
    const transfer = buildSafeTransfer({ asset: erc20Asset(chain, safe), to: bob, amount: 250n, nonce: 4n });
    expect(transfer).toMatchObject({
      to: safe,
      value: '0',
      // EIP-20 transfer(address,uint256): 0xa9059cbb
      data: `0xa9059cbb${bob.slice(2).toLowerCase().padStart(64, '0')}${'fa'.padStart(64, '0')}`,
    });
  });
});

describe('an execution', () => {
  const keys = Array.from({ length: 5 }, newOwnerKey);
  const digest = safeTxHash(chain, safe, tx);
  const signatures = keys.map((key) => {
    const signature = recoverableSignature(digest, key.sign(digest), key.address);
    if (!signature.ok) throw new Error(signature.refusal.code);
    return { owner: key.address, signature: signature.value };
  });

  it("carries its signatures in ascending order of the owners' addresses, however they came", () => {
    const ascending = signatures.toSorted((a, b) => (BigInt(a.owner) < BigInt(b.owner) ? -1 : 1));
    const data = encodeExecTransaction(tx, signatures);
    expect(data).toBe(encodeExecTransaction(tx, signatures.toReversed()));
    expect(decodeExecTransaction(data)?.signatures).toEqual(ascending.map(({ signature }) => signature));
  });

  it('is read back as it was made, whatever it executes', () => {
    fc.assert(
      fc.property(aSafeTx, (each) => {
        const decoded = decodeExecTransaction(encodeExecTransaction(each, signatures.slice(0, 2)));
        expect({ ...decoded?.call, nonce: each.nonce }).toEqual(each);
      }),
    );
  });

  it('without signatures, with half of one, or with one that is not of a key is none', () => {
    const [first] = signatures;
    const contractSignature = `${first!.signature.slice(0, -2)}00`;
    for (const signature of ['0x', dataSlice(first!.signature, 0, 64), contractSignature]) {
      expect(decodeExecTransaction(encodeExecTransaction(tx, [{ owner: bob, signature }]))).toBeUndefined();
    }
  });

  it('with bytes after its end is none', () => {
    expect(decodeExecTransaction(`${encodeExecTransaction(tx, signatures)}00`)).toBeUndefined();
  });
});
