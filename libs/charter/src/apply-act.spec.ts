import { randomUUID } from 'node:crypto';
import { REGTEST, type ChainId } from '@bulkhead/intent';
import { BIP32Factory } from 'bip32';
import { networks } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { ANVIL } from '../../../test/support/charter-builder.js';
import {
  addressAt,
  bitcoinWallet,
  gasPayer,
  OUTSIDE,
  quorumKey,
  safeAddress,
  safeWallet,
  TOKEN,
  usualFirm,
} from '../../../test/support/wallets.js';
import type { Act, Wallet } from './acts.js';
import { applyEntry } from './reducer.js';
import { directoryOf, type CharterState } from './state.js';

const firm = usualFirm();

/** The state after these acts, each fully approved; the code of the first that is refused. */
function after(...acts: Act[]): CharterState | string {
  const builder = usualFirm();
  for (const act of acts) {
    const result = applyEntry(builder.state, builder.entry(act));
    if (!result.ok) return result.refusal.code;
    builder.append(act);
  }
  return builder.state;
}
/** What the reducer says to one act on the usual firm. */
const codeOf = (act: Act): string => {
  const result = applyEntry(firm.state, firm.entry(act));
  return result.ok ? 'accepted' : result.refusal.code;
};
const open = (wallet: Wallet): Act => ({ kind: 'wallet.open', wallet });
const approve = (address: string, chain: ChainId = REGTEST, owner = 'alpha', id: string = randomUUID()): Act => ({
  kind: 'destination.approve',
  id,
  owner,
  chain,
  address,
  label: 'somebody',
});
const declare = (address: string, chain: ChainId = REGTEST, owner = 'house'): Act => ({
  kind: 'proprietary-address.declare',
  owner,
  chain,
  address,
  label: 'exchange',
});

describe('an owner', () => {
  it('has an id that nobody had before', () => {
    expect(codeOf({ kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } })).toBe('accepted');
    expect(codeOf({ kind: 'client.open', owner: { id: 'alpha', name: 'Alpha again' } })).toBe('charter.id-taken');
    expect(codeOf({ kind: 'client.open', owner: { id: 'house', name: 'A client' } })).toBe('charter.id-taken');
    expect(codeOf({ kind: 'house.open', owner: { id: 'alpha', name: 'A house' } })).toBe('charter.id-taken');
  });
});

describe('an asset', () => {
  const list = (id: string, symbol = 'NEW'): string =>
    codeOf({ kind: 'asset.list', asset: { id, symbol, decimals: 6 } } as Act);
  const token = `${ANVIL}/erc20:0x${'ee'.repeat(20)}`;

  it('is listed once, under a symbol of its own, on a chain of the firm', () => {
    expect(list(token)).toBe('accepted');
    expect(list(TOKEN)).toBe('charter.id-taken');
    expect(list(token, 'BTC')).toBe('charter.id-taken');
    expect(list(`eip155:1/erc20:0x${'ee'.repeat(20)}`)).toBe('address.wrong-network');
    expect(list('bip122:000000000019d6689c085ae165831e93/slip44:0')).toBe('address.wrong-network');
    expect(list(`${ANVIL}/erc20:0x${'EE'.repeat(20)}`)).toBe('charter.malformed');
    expect(list('doge:1/slip44:3')).toBe('charter.malformed');
  });
});

describe('a wallet', () => {
  it.each([
    ['a Bitcoin wallet of a client', bitcoinWallet('w', 'alpha')],
    ['a Safe of a client', safeWallet('w', 'alpha')],
    ['a gas payer of the house', gasPayer('w', 'house')],
  ])('opens as %s', (_, wallet) => {
    expect(codeOf(open(wallet))).toBe('accepted');
  });

  it.each<[string, Wallet]>([
    ['charter.unknown-owner', bitcoinWallet('w', 'ghost')],
    ['charter.id-taken', bitcoinWallet('beta-btc', 'alpha')],
    ['charter.act-not-allowed', gasPayer('w', 'alpha')],
    ['address.wrong-network', bitcoinWallet('w', 'alpha', { chain: 'bip122:000000000019d6689c085ae165831e93' })],
    ['address.wrong-network', safeWallet('w', 'alpha', { chain: 'eip155:1' })],
    ['charter.malformed', bitcoinWallet('w', 'alpha', { chain: ANVIL })],
    ['charter.malformed', safeWallet('w', 'alpha', { chain: REGTEST, address: OUTSIDE.ethereum })],
    ['charter.malformed', gasPayer('w', 'house', { chain: REGTEST })],
    ['charter.malformed', bitcoinWallet('w', 'alpha', { threshold: 1 })],
    ['charter.malformed', bitcoinWallet('w', 'alpha', { addressWindow: 0 })],
    ['charter.malformed', bitcoinWallet('w', 'alpha', { recoveryDelayBlocks: 65_536 })],
    ['charter.quorum-unreachable', bitcoinWallet('w', 'alpha', { threshold: 4 })],
    ['charter.quorum-unreachable', safeWallet('w', 'alpha', { threshold: 4 })],
    ['charter.address-mismatch', safeWallet('w', 'alpha', { address: OUTSIDE.ethereum })],
    ['charter.address-mismatch', safeWallet('w', 'alpha', { address: safeWallet('v', 'alpha').address })],
    ['charter.address-mismatch', safeWallet('x', 'alpha', { address: safeWallet('x', 'alpha').address.toLowerCase() })],
    ['charter.address-mismatch', gasPayer('w', 'house', { address: OUTSIDE.ethereum })],
  ])('is refused with %s (%#)', (code, wallet) => {
    expect(codeOf(open(wallet))).toBe(code);
  });

  it.each(['', 'salt', '-1', '1.5', '0x1', (2n ** 256n).toString()])('is no Safe with the salt %j', (saltNonce) => {
    expect(codeOf(open({ ...safeWallet('w', 'alpha'), saltNonce }))).toBe('charter.malformed');
  });

  it('has keys of different signers, all known', () => {
    const { keys } = bitcoinWallet('w', 'alpha');
    const spare = quorumKey('signer-a', 'spare');
    const twice = [keys[0]!, { signer: 'signer-a', publicKey: spare.publicKey }, keys[2]!];
    expect(codeOf(open(bitcoinWallet('w', 'alpha', { keys: twice })))).toBe('charter.keys-share-signer');
    expect(codeOf(open(safeWallet('w', 'alpha', { keys: twice })))).toBe('charter.keys-share-signer');
    const unknown = [keys[0]!, keys[1]!, { ...keys[2]!, signer: 'signer-z' }];
    expect(codeOf(open(bitcoinWallet('w', 'alpha', { keys: unknown })))).toBe('charter.unknown-signer');
  });

  it('shares no key: not within, not with another wallet of the owner, not with one on the other chain', () => {
    const { keys } = bitcoinWallet('w', 'alpha');
    const within = [keys[0]!, { signer: 'signer-b', publicKey: keys[0]!.publicKey }, keys[2]!];
    expect(codeOf(open(bitcoinWallet('w', 'alpha', { keys: within })))).toBe('charter.public-key-reused');
    for (const other of ['alpha-btc', 'alpha-safe', 'beta-safe', 'house-btc']) {
      const [, stolen] = bitcoinWallet(other, 'alpha').keys;
      const mixed = [keys[0]!, stolen!, keys[2]!];
      expect(codeOf(open(bitcoinWallet('w', 'alpha', { keys: mixed })))).toBe('charter.public-key-reused');
      expect(codeOf(open(safeWallet('w', 'alpha', { keys: mixed })))).toBe('charter.public-key-reused');
    }
  });

  it('has keys that are points of secp256k1', () => {
    const { keys } = bitcoinWallet('w', 'alpha');
    for (const publicKey of [`02${'f'.repeat(64)}`, `02${'0'.repeat(64)}`, `04${'ab'.repeat(32)}`]) {
      const bad = [keys[0]!, keys[1]!, { ...keys[2]!, publicKey }];
      expect(codeOf(open({ ...bitcoinWallet('w', 'alpha'), keys: bad }))).toBe('charter.malformed');
      expect(codeOf(open({ ...safeWallet('w', 'alpha'), keys: bad }))).toBe('charter.malformed');
      expect(codeOf(open({ ...gasPayer('w', 'house'), keys: [{ signer: 'signer-a', publicKey }] }))).toBe(
        'charter.malformed',
      );
    }
  });

  it('may have a cold recovery key, which then serves no other wallet', () => {
    const node = BIP32Factory(ecc).fromSeed(Buffer.alloc(32, 7), networks.regtest);
    const recovery = { kind: 'xpub' as const, xpub: node.neutered().toBase58() };
    const first = open(bitcoinWallet('w', 'alpha', { recovery }));
    expect(typeof after(first)).toBe('object');
    expect(after(first, open(bitcoinWallet('v', 'beta', { recovery })))).toBe('charter.public-key-reused');
    const secret = { kind: 'xpub' as const, xpub: node.toBase58() };
    expect(codeOf(open(bitcoinWallet('w', 'alpha', { recovery: secret })))).toBe('bitcoin.wallet-malformed');
  });

  it('has every address of its window in the index, for its owner', () => {
    const state = after(open(bitcoinWallet('w', 'alpha', { addressWindow: 4 })));
    if (typeof state === 'string') throw new Error(state);
    const indexed = state.addresses.filter(({ wallet }) => wallet === 'w');
    expect(indexed.size).toBe(8);
    for (const branch of [0, 1])
      expect(
        [...indexed.values()]
          .filter((managed) => managed.branch === branch)
          .map(({ index }) => index)
          .sort(),
      ).toEqual([0, 1, 2, 3]);
    expect([...indexed.values()].every(({ owner, estate }) => owner === 'alpha' && estate === 'CLIENT')).toBe(true);
  });
});

describe('an address under management', () => {
  const ofAlpha = addressAt(firm, 'alpha-btc', 0);
  const ofHouse = addressAt(firm, 'house-btc', 1, 2);
  const safeOfBeta = safeAddress(firm, 'beta-safe');

  it.each([
    ['its own owner', approve(ofAlpha)],
    ['another client', approve(ofAlpha, REGTEST, 'beta')],
    ['the house', approve(ofAlpha, REGTEST, 'house')],
    ['a client, when it is the house’s change', approve(ofHouse)],
    ['a client, when it is another’s Safe', approve(safeOfBeta, ANVIL)],
    ['a client, when it is the gas payer', approve(gasPayer('house-gas', 'house').address, ANVIL)],
    ['a client, in capitals', approve(ofAlpha.toUpperCase())],
    ['a client, without its checksum', approve(safeOfBeta.toLowerCase(), ANVIL)],
    ['a client, in capitals on an EVM chain', approve(`0x${safeOfBeta.slice(2).toUpperCase()}`, ANVIL)],
  ])('never becomes a destination of %s', (_, act) => {
    expect(codeOf(act)).toBe('charter.address-managed');
  });

  it('is never the house’s own as well', () => {
    expect(codeOf(declare(ofAlpha))).toBe('charter.address-managed');
    expect(codeOf(declare(safeOfBeta.toLowerCase(), ANVIL))).toBe('charter.address-managed');
    expect(after(declare(OUTSIDE.bitcoin), declare(OUTSIDE.bitcoin.toUpperCase()))).toBe('charter.address-managed');
  });

  it('was never a destination', () => {
    const next = safeWallet('w', 'beta');
    for (const address of [next.address, next.address.toLowerCase()])
      expect(after(approve(address, ANVIL), open(next))).toBe('charter.address-is-destination');
    const wallet = bitcoinWallet('w', 'beta');
    const opened = after(open(wallet));
    if (typeof opened === 'string') throw new Error(opened);
    const future = opened.addresses.findKey((managed) => managed.wallet === 'w' && managed.branch === 1)!;
    const address = future.slice(REGTEST.length + 1);
    for (const spelling of [address, address.toUpperCase()])
      expect(after(approve(spelling), open(wallet))).toBe('charter.address-is-destination');
    expect(after(approve(OUTSIDE.bitcoin), declare(OUTSIDE.bitcoin))).toBe('charter.address-is-destination');
  });

  it('of the house elsewhere is known as the house’s, and is no destination any more', () => {
    const state = after(declare(OUTSIDE.ethereum.toLowerCase(), ANVIL));
    if (typeof state === 'string') throw new Error(state);
    expect(directoryOf(state).managed(ANVIL, OUTSIDE.ethereum)).toEqual({
      owner: 'house',
      estate: 'HOUSE',
      wallet: undefined,
      branch: undefined,
      index: undefined,
    });
    expect(after(declare(OUTSIDE.ethereum, ANVIL), approve(OUTSIDE.ethereum, ANVIL))).toBe('charter.address-managed');
  });

  it('is declared by a house entity only, on a chain of the firm', () => {
    expect(codeOf(declare(OUTSIDE.bitcoin, REGTEST, 'alpha'))).toBe('charter.unknown-owner');
    expect(codeOf(declare(OUTSIDE.bitcoin, REGTEST, 'ghost'))).toBe('charter.unknown-owner');
    expect(codeOf(declare(OUTSIDE.ethereum, 'eip155:1'))).toBe('address.wrong-network');
    expect(codeOf(declare(OUTSIDE.ethereum, REGTEST))).toBe('address.malformed');
  });
});

describe('a destination', () => {
  it('is approved for one owner; another owner needs an approval of its own', () => {
    const state = after(approve(OUTSIDE.bitcoin), approve(OUTSIDE.bitcoin, REGTEST, 'beta'));
    if (typeof state === 'string') throw new Error(state);
    const directory = directoryOf(state);
    expect(['alpha', 'beta', 'house'].map((owner) => directory.isDestination(owner, REGTEST, OUTSIDE.bitcoin))).toEqual(
      [true, true, false],
    );
    expect(directory.isDestination('alpha', ANVIL, OUTSIDE.bitcoin)).toBe(false);
  });

  it('is one address in every spelling', () => {
    const capitals = `0x${OUTSIDE.ethereum.slice(2).toUpperCase()}`;
    const state = after(approve(capitals, ANVIL), approve(OUTSIDE.bitcoin.toUpperCase()));
    if (typeof state === 'string') throw new Error(state);
    const directory = directoryOf(state);
    for (const spelling of [OUTSIDE.ethereum, OUTSIDE.ethereum.toLowerCase(), capitals])
      expect(directory.isDestination('alpha', ANVIL, spelling)).toBe(true);
    for (const spelling of [OUTSIDE.bitcoin, OUTSIDE.bitcoin.toUpperCase()])
      expect(directory.isDestination('alpha', REGTEST, spelling)).toBe(true);
    expect(after(approve(OUTSIDE.ethereum, ANVIL), approve(capitals, ANVIL))).toBe('charter.id-taken');
    const stored = [...state.destinations.values()].flatMap((owners) => [...owners.values()]);
    expect(stored.map(({ address }) => address).sort()).toEqual([OUTSIDE.ethereum, OUTSIDE.bitcoin].sort());
  });

  it('in base58 keeps its letter case, which is part of it', () => {
    // P2PKH and P2SH of an all-zero hash on test networks; their lower-case forms are other strings, and no addresses
    const address = 'mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8';
    const state = after(approve(address));
    if (typeof state === 'string') throw new Error(state);
    expect(directoryOf(state).isDestination('alpha', REGTEST, address)).toBe(true);
    expect(directoryOf(state).isDestination('alpha', REGTEST, address.toLowerCase())).toBe(false);
    expect(codeOf(approve(address.toLowerCase()))).toMatch(/^address\./);
  });

  it('has an id of its own', () => {
    const id = randomUUID();
    const acts = [approve(OUTSIDE.bitcoin, REGTEST, 'alpha', id), approve(OUTSIDE.ethereum, ANVIL, 'beta', id)];
    expect(after(...acts)).toBe('charter.id-taken');
  });

  it.each<[string, Act]>([
    ['charter.unknown-owner', approve(OUTSIDE.bitcoin, REGTEST, 'ghost')],
    ['address.wrong-network', approve(OUTSIDE.ethereum, 'eip155:1')],
    // BIP-173's P2WPKH example on mainnet and testnet
    ['address.wrong-network', approve('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4')],
    ['address.wrong-network', approve('tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx')],
    ['address.bad-checksum', approve('bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt08q')],
    ['address.bad-checksum', approve(OUTSIDE.ethereum.replace('A', 'a'), ANVIL)],
    ['address.malformed', approve(OUTSIDE.ethereum)],
    ['address.malformed', approve(OUTSIDE.bitcoin, ANVIL)],
    ['address.malformed', approve(`0x${'0'.repeat(40)}`, ANVIL)],
    ['address.malformed', approve('')],
    ['address.malformed', approve('bcrt1Qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080')],
  ])('is refused with %s (%#)', (code, act) => {
    expect(codeOf(act)).toBe(code);
  });
});
