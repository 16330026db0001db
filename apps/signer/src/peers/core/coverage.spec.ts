import { REGTEST } from '@bulkhead/intent';
import type { CharterState, Wallet } from '@bulkhead/charter';
import fc from 'fast-check';
import { Map as ImmutableMap } from 'immutable';
import { meetsEveryQuorum, meetsEveryQuorumOf } from './coverage.js';

const SIGNERS = Array.from({ length: 9 }, (_, position) => `signer-${position}`);
const walletOf = (id: string, holders: readonly string[], threshold: number): Wallet => ({
  kind: 'bitcoin-multisig',
  id,
  owner: 'alpha',
  chain: REGTEST,
  threshold,
  keys: holders.map((signer) => ({ signer, publicKey: '02'.padEnd(66, '0') })),
  recovery: { kind: 'none' },
  recoveryDelayBlocks: 10,
  addressWindow: 1,
});
const NOW = '2026-11-22T12:00:00.000Z';
const stateOf = (...wallets: Wallet[]) =>
  ({
    wallets: ImmutableMap(wallets.map((wallet) => [wallet.id, wallet])),
    formerKeys: ImmutableMap(),
  }) as unknown as CharterState;
const subsets = (of: readonly string[], size: number): string[][] =>
  size === 0
    ? [[]]
    : of.flatMap((one, position) => subsets(of.slice(position + 1), size - 1).map((rest) => [one, ...rest]));

describe('whether enough signers have answered', () => {
  it('is so exactly when no quorum of the wallet is without one of them', () => {
    const wallets = fc
      .tuple(fc.subarray(SIGNERS, { minLength: 2, maxLength: 7 }), fc.nat(), fc.subarray(SIGNERS))
      .map(([holders, pick, answered]) => ({ holders, threshold: (pick % holders.length) + 1, answered }));
    fc.assert(
      fc.property(wallets, ({ holders, threshold, answered }) => {
        const signers = new Set(answered);
        const missesNone = subsets(holders, threshold).every((quorum) => quorum.some((signer) => signers.has(signer)));
        expect(meetsEveryQuorum(walletOf('w', holders, threshold), signers)).toBe(missesNone);
      }),
    );
  });

  it('asks it of every wallet of the chain, where all of them count', () => {
    const state = stateOf(walletOf('one', ['a', 'b', 'c'], 2), walletOf('two', ['c', 'd', 'e'], 2));
    expect(meetsEveryQuorumOf(state, REGTEST, new Set(['a', 'b']), NOW)).toBe(false);
    expect(meetsEveryQuorumOf(state, REGTEST, new Set(['a', 'b', 'd']), NOW)).toBe(false);
    expect(meetsEveryQuorumOf(state, REGTEST, new Set(['a', 'c', 'd']), NOW)).toBe(true);
    expect(meetsEveryQuorumOf(state, 'eip155:31337', new Set(), NOW)).toBe(true);
  });

  it('asks it of the holders of before too, for the month that limits look back after a key was replaced', () => {
    const { keys } = walletOf('one', ['a', 'b', 'c'], 2);
    const state = (until: string) => ({
      ...stateOf(walletOf('one', ['a', 'd', 'c'], 2)),
      formerKeys: ImmutableMap([['one', [{ keys, threshold: 2, until }]]]),
    });
    const lately = state('2026-10-24T12:00:00.000Z');
    expect(meetsEveryQuorumOf(lately, REGTEST, new Set(['a', 'd']), NOW)).toBe(false);
    expect(meetsEveryQuorumOf(lately, REGTEST, new Set(['a', 'c']), NOW)).toBe(true);
    const longAgo = state('2026-10-20T12:00:00.000Z');
    expect(meetsEveryQuorumOf(longAgo, REGTEST, new Set(['a', 'd']), NOW)).toBe(true);
  });
});
