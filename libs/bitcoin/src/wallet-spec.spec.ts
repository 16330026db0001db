import { randomBytes } from 'node:crypto';
import { validateWalletSpec, type BitcoinWalletSpec } from '@bulkhead/bitcoin';
import { BIP32Factory } from 'bip32';
import { networks } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { softwareQuorum } from '../test/software-quorum.js';

const bip32 = BIP32Factory(ecc);
const { spec } = softwareQuorum();
const cold = bip32.fromSeed(randomBytes(32), networks.regtest);
const withXpub = (xpub: string): BitcoinWalletSpec => ({ ...spec, recovery: { kind: 'xpub', xpub } });

const mistyped = (text: string): string => `${text.slice(0, -1)}${text.endsWith('1') ? '2' : '1'}`;

const codeOf = (candidate: BitcoinWalletSpec): string => {
  const result = validateWalletSpec(candidate);
  return result.ok ? 'accepted' : result.refusal.code;
};

describe('a wallet spec', () => {
  it('is accepted without recovery and with a cold recovery xpub of the same network', () => {
    expect(codeOf(spec)).toBe('accepted');
    expect(codeOf(withXpub(cold.neutered().toBase58()))).toBe('accepted');
  });

  const [first = '', second = '', third = ''] = spec.quorumKeys;
  const notOnCurve = `02${'00'.repeat(31)}05`; // x = 5 has no y on secp256k1
  it.each<[string, Partial<BitcoinWalletSpec>]>([
    ['a threshold of zero', { threshold: 0 }],
    ['a threshold above the number of keys', { threshold: 4 }],
    ['a fractional threshold', { threshold: 1.5 }],
    ['no keys', { quorumKeys: [], threshold: 0 }],
    ['sixteen keys', { quorumKeys: softwareQuorum({ keys: 16 }).spec.quorumKeys }],
    ['a key twice', { quorumKeys: [first, second, first] }],
    ['a key in capitals', { quorumKeys: [first, second, third.toUpperCase()] }],
    ['an uncompressed key', { quorumKeys: [first, second, `04${'11'.repeat(64)}`] }],
    ['a key off the curve', { quorumKeys: [first, second, notOnCurve] }],
    ['no delay', { recoveryDelayBlocks: 0 }],
    ['a delay beyond BIP-68', { recoveryDelayBlocks: 65_536 }],
    ['an unknown chain', { chain: 'eip155:1' as BitcoinWalletSpec['chain'] }],
    ['an xpub of another network', withXpub(bip32.fromSeed(randomBytes(32)).neutered().toBase58())],
    ['an xpub with a wrong checksum', withXpub(mistyped(cold.neutered().toBase58()))],
    ['text for an xpub', withXpub('not an xpub')],
    [
      'a key origin with a wrong fingerprint',
      { recovery: { kind: 'xpub', xpub: cold.neutered().toBase58(), origin: { fingerprint: 'xyz', path: '48h' } } },
    ],
    [
      'an xpub that is a quorum key',
      {
        ...withXpub(cold.neutered().toBase58()),
        quorumKeys: [first, second, Buffer.from(cold.publicKey).toString('hex')],
      },
    ],
  ])('is refused with %s', (_, change) => {
    expect(codeOf({ ...spec, ...change })).toBe('bitcoin.wallet-malformed');
  });

  it('is refused with a private key, which is not repeated in the refusal', () => {
    const xprv = cold.toBase58();
    const result = validateWalletSpec(withXpub(xprv));
    expect(result).toMatchObject({ ok: false, refusal: { code: 'bitcoin.wallet-malformed' } });
    expect(JSON.stringify(result)).not.toContain(xprv);
  });
});
