import { createHash, randomBytes } from 'node:crypto';
import {
  branchDescriptor,
  deriveAddress,
  deriveAddresses,
  NUMS_PUBLIC_KEY,
  parseQuorumScript,
  unspendableExtendedKey,
  walletDescriptor,
  type BitcoinWalletSpec,
} from '@bulkhead/bitcoin';
import { BIP32Factory } from 'bip32';
import { crypto as hashes, networks, payments } from 'bitcoinjs-lib';
import fc from 'fast-check';
import * as ecc from 'tiny-secp256k1';
import { softwareQuorum } from '../test/software-quorum.js';

const bip32 = BIP32Factory(ecc);
const cold = bip32.fromSeed(randomBytes(32), networks.regtest).neutered();
const { spec } = softwareQuorum();
const recoverable: BitcoinWalletSpec = { ...spec, recovery: { kind: 'xpub', xpub: cold.toBase58() } };

describe('the unspendable recovery key', () => {
  it('is the point whose x is SHA-256 of the uncompressed generator (BIP-341)', () => {
    const one = new Uint8Array(32);
    one[31] = 1;
    const generator = ecc.pointFromScalar(one, false)!;
    expect(NUMS_PUBLIC_KEY).toBe(`02${createHash('sha256').update(generator).digest('hex')}`);
    expect(ecc.isPointCompressed(Buffer.from(NUMS_PUBLIC_KEY, 'hex'))).toBe(true);
  });

  it('is a root key whose chain code anybody can recompute from the quorum keys', () => {
    const node = bip32.fromBase58(unspendableExtendedKey(spec.chain, spec.quorumKeys), networks.regtest);
    const chainCode = createHash('sha256')
      .update(Buffer.from(spec.quorumKeys.join(''), 'hex'))
      .digest('hex');
    expect(Buffer.from(node.chainCode).toString('hex')).toBe(chainCode);
    expect(Buffer.from(node.publicKey).toString('hex')).toBe(NUMS_PUBLIC_KEY);
    expect([node.depth, node.parentFingerprint, node.index]).toEqual([0, 0, 0]);
  });
});

describe('the descriptor', () => {
  it('names the quorum in order, the ranged recovery key and the delay, with its checksum', () => {
    const keys = spec.quorumKeys.join(',');
    expect(walletDescriptor(recoverable)).toMatch(/#[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{8}$/);
    expect(walletDescriptor(recoverable).split('#')[0]).toBe(
      `wsh(or_d(multi(2,${keys}),and_v(v:pkh(${cold.toBase58()}/<0;1>/*),older(4320))))`,
    );
    expect(branchDescriptor(recoverable, 1)).toContain(`${cold.toBase58()}/1/*`);
  });

  it('shows where the recovery key comes from, hardened steps written with h', () => {
    const origin = { fingerprint: 'd34db33f', path: "48'/1h/0'/2'" };
    const descriptor = walletDescriptor({ ...spec, recovery: { kind: 'xpub', xpub: cold.toBase58(), origin } });
    expect(descriptor).toContain(`v:pkh([d34db33f/48h/1h/0h/2h]${cold.toBase58()}/<0;1>/*)`);
  });
});

describe('an address', () => {
  it('has the recovery key that the bip32 package derives, and the P2WSH form that bitcoinjs gives', () => {
    fc.assert(
      fc.property(fc.constantFrom(0 as const, 1 as const), fc.nat(0x7fffffff), (branch, index) => {
        const derived = deriveAddress(recoverable, branch, index);
        const script = Buffer.from(derived.witnessScript, 'hex');
        const key = cold.derive(branch).derive(index).publicKey;
        expect(parseQuorumScript(script)).toEqual({
          threshold: 2,
          quorumKeys: spec.quorumKeys,
          recoveryKeyHash: Buffer.from(hashes.hash160(key)).toString('hex'),
          recoveryDelayBlocks: 4320,
        });
        const reference = payments.p2wsh({ redeem: { output: script }, network: networks.regtest });
        expect(derived.address).toBe(reference.address);
        expect(derived.scriptPubKey).toBe(Buffer.from(reference.output!).toString('hex'));
      }),
      { numRuns: 30 },
    );
  });

  it('is another one on each branch and index, and of each quorum', () => {
    const all = [
      ...deriveAddresses(spec, 0, 0, 10),
      ...deriveAddresses(spec, 1, 0, 10),
      ...deriveAddresses(softwareQuorum().spec, 0, 0, 10),
    ];
    expect(new Set(all.map(({ address }) => address)).size).toBe(30);
    expect(deriveAddresses(spec, 1, 7, 1)[0]).toEqual(deriveAddress(spec, 1, 7));
  });

  it('is kept for the one wallet, branch and index whose it is, and cannot be changed', () => {
    const [first, second, third] = spec.quorumKeys as [string, string, string];
    const wallets: BitcoinWalletSpec[] = [
      spec,
      { ...spec, chain: 'bip122:000000000019d6689c085ae165831e93' },
      { ...spec, threshold: 3 },
      { ...spec, quorumKeys: [second, first, third] },
      recoverable,
      { ...spec, recoveryDelayBlocks: 4319 },
    ];
    for (const wallet of [...wallets, ...wallets]) {
      for (const branch of [0, 1] as const) {
        for (const [from, count] of [[0, 2] as const, [0, 3] as const, [1, 2] as const]) {
          const indices = Array.from({ length: count }, (_, i) => from + i);
          const one = indices.map((index) => deriveAddress(wallet, branch, index));
          expect(deriveAddresses(wallet, branch, from, count)).toEqual(one);
        }
      }
    }
    const [kept] = deriveAddresses(spec, 0, 0, 2);
    expect(Object.isFrozen(kept)).toBe(true);
    expect(deriveAddresses(spec, 0, 0, 2)[0]).toBe(kept);
  });

  it('is not made for a hardened, negative or fractional index', () => {
    for (const index of [0x80000000, -1, 0.5]) expect(() => deriveAddress(spec, 0, index)).toThrow(RangeError);
  });
});

describe('a script', () => {
  it('is read back only in exactly the form that wallets have', () => {
    const script = Buffer.from(deriveAddress(recoverable, 0, 0).witnessScript, 'hex');
    fc.assert(
      fc.property(fc.nat(script.length - 1), fc.integer({ min: 1, max: 255 }), (position, flip) => {
        const changed = Buffer.from(script);
        changed[position]! ^= flip;
        const parts = parseQuorumScript(changed);
        // only keys, hash, threshold and delay may differ; the form itself may not
        if (parts !== undefined) expect(parts).not.toEqual(parseQuorumScript(script));
      }),
    );
    expect(parseQuorumScript(script.subarray(1))).toBeUndefined();
    expect(parseQuorumScript(Buffer.concat([script, Buffer.from([0x51])]))).toBeUndefined();
    expect(parseQuorumScript(Buffer.alloc(0))).toBeUndefined();
  });

  it.each([1, 16, 17, 127, 128, 144, 255, 256, 32_767, 32_768, 65_535])('holds a delay of %d blocks', (delay) => {
    const { witnessScript } = deriveAddress({ ...spec, recoveryDelayBlocks: delay }, 0, 0);
    expect(parseQuorumScript(Buffer.from(witnessScript, 'hex'))?.recoveryDelayBlocks).toBe(delay);
  });
});
