import { bitcoinSpec, type BitcoinWallet } from '@bulkhead/charter';
import { encodeErc20Transfer } from '@bulkhead/ethereum';
import { tokenOfAsset, type Payload } from '@bulkhead/intent';
import { concat, Interface, MaxUint256, solidityPacked } from 'ethers';
import { inventCoin } from '../../../test/support/forged-psbt.js';
import {
  ALPHA_CHANGE,
  ALPHA_COIN,
  alphaPays,
  BTC_WISH,
  codeOf,
  ETH,
  ETH_WISH,
  firm,
  input,
  psbt,
  safePays,
  STRANGER,
  withTx,
} from '../../../test/support/usual-transfers.js';
import { addressAt, gasPayer, OUTSIDE, safeAddress, TOKEN } from '../../../test/support/wallets.js';

describe('an attempt to mix what belongs to different owners', () => {
  const house = addressAt(firm, 'house-btc', 0);
  const beta = addressAt(firm, 'beta-btc', 0);

  it('from a client to the house', () => {
    expect(codeOf({ ...BTC_WISH, to: house }, alphaPays(house))).toBe('segregation.pays-house');
    const safe = safeAddress(firm, 'house-safe');
    const payer = gasPayer('house-gas', 'house').address;
    for (const to of [safe, payer]) expect(codeOf({ ...ETH_WISH, to }, safePays(to))).toBe('segregation.pays-house');
    expect(codeOf({ ...ETH_WISH, asset: TOKEN, to: safe }, safePays(safe, TOKEN))).toBe('segregation.pays-house');
    // the intent names an approved destination, the bytes do not
    expect(codeOf(BTC_WISH, alphaPays(house))).toBe('segregation.pays-house');
    expect(codeOf(ETH_WISH, safePays(safe))).toBe('segregation.pays-house');
  });

  it('from a client to another', () => {
    expect(codeOf({ ...BTC_WISH, to: beta }, alphaPays(beta))).toBe('segregation.pays-other-client');
    const safe = safeAddress(firm, 'beta-safe');
    expect(codeOf({ ...ETH_WISH, to: safe }, safePays(safe))).toBe('segregation.pays-other-client');
    for (const spelling of [safe.toLowerCase(), `0x${safe.slice(2).toUpperCase()}`])
      expect(codeOf({ ...ETH_WISH, to: spelling }, withTx({ to: spelling }))).toBe('segregation.pays-other-client');
    expect(codeOf({ ...ETH_WISH, asset: TOKEN }, safePays(safe, TOKEN))).toBe('segregation.pays-other-client');
  });

  it('with coins of two owners in one transaction', () => {
    for (const other of ['beta-btc', 'house-btc']) {
      const payload = psbt([ALPHA_COIN, input(other)], [OUTSIDE.bitcoin, 60_000n], [ALPHA_CHANGE, 139_000n]);
      expect(codeOf(BTC_WISH, payload)).toBe('segregation.mixed-owners');
    }
    const betasCoin = psbt([input('beta-btc')], [OUTSIDE.bitcoin, 60_000n], [ALPHA_CHANGE, 39_000n]);
    expect(codeOf(BTC_WISH, betasCoin)).toBe('segregation.mixed-owners');
    expect(codeOf(ETH_WISH, safePays(OUTSIDE.ethereum, ETH, 5n, 'beta-safe'))).toBe('segregation.mixed-owners');
  });

  it('with change that is not the wallet’s', () => {
    const foreign = codeOf(BTC_WISH, alphaPays(OUTSIDE.bitcoin, addressAt(firm, 'beta-btc', 1)));
    expect(foreign).toBe('segregation.pays-other-client');
    expect(codeOf(BTC_WISH, alphaPays(OUTSIDE.bitcoin, addressAt(firm, 'house-btc', 1)))).toBe(
      'segregation.pays-house',
    );
    for (const change of [STRANGER.bitcoin, addressAt(firm, 'alpha-btc', 0)])
      expect(codeOf(BTC_WISH, alphaPays(OUTSIDE.bitcoin, change))).toBe('segregation.change-not-own');
  });

  it('with coins or change outside every wallet’s window', () => {
    const spec = bitcoinSpec(firm.state.wallets.get('alpha-btc') as BitcoinWallet);
    const beyond = { spec, coin: inventCoin(spec, 100_000n, 0, 3) };
    const payload = psbt([beyond], [OUTSIDE.bitcoin, 60_000n], [ALPHA_CHANGE, 39_000n]);
    expect(codeOf(BTC_WISH, payload)).toBe('segregation.unknown-input');
  });

  it('to somebody who is not an approved destination of this owner', () => {
    const to = STRANGER.bitcoin;
    expect(codeOf({ ...BTC_WISH, to }, alphaPays(to))).toBe('segregation.unknown-destination');
    const stranger = STRANGER.ethereum;
    expect(codeOf({ ...ETH_WISH, to: stranger }, safePays(stranger))).toBe('segregation.unknown-destination');
    // approved for alpha and the house; beta has to have it approved too
    const ofBeta = psbt([input('beta-btc')], [OUTSIDE.bitcoin, 60_000n], [addressAt(firm, 'beta-btc', 1), 39_000n]);
    const wish = { ...BTC_WISH, owner: 'beta', wallet: 'beta-btc' };
    expect(codeOf(wish, ofBeta)).toBe('segregation.unknown-destination');
  });
});

describe('a Safe transaction that is more than a payment', () => {
  const multiSend = new Interface(['function multiSend(bytes transactions)']);
  const erc20 = new Interface([
    'function approve(address spender, uint256 amount)',
    'function transferFrom(address from, address to, uint256 amount)',
    'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
  ]);
  const token = tokenOfAsset(TOKEN)!;
  const batch = (...calls: readonly (readonly [to: string, value: bigint, data: string])[]): Payload => {
    const packed = calls.map(([to, value, data]) =>
      solidityPacked(['uint8', 'address', 'uint256', 'uint256', 'bytes'], [0, to, value, (data.length - 2) / 2, data]),
    );
    return withTx({
      to: firm.state.genesis.safeContracts.multiSendCallOnly.address,
      value: '0',
      data: multiSend.encodeFunctionData('multiSend', [concat(packed)]),
      operation: 1,
    });
  };

  it.each<[string, Payload]>([
    ['ethereum.delegatecall-unknown', withTx({ operation: 1 })],
    ['ethereum.delegatecall-unknown', withTx({ operation: 1, to: STRANGER.ethereum, value: '0', data: '0xdeadbeef' })],
    ['ethereum.contract-unknown', withTx({ value: '0', data: '0xdeadbeef' })],
    ['ethereum.calls-itself', withTx({ to: safeAddress(firm, 'alpha-safe'), value: '0', data: '0x694e80c3' })],
    ['ethereum.refund-not-zero', withTx({ gasPrice: '1' })],
    ['ethereum.refund-not-zero', withTx({ baseGas: '1' })],
    ['ethereum.refund-not-zero', withTx({ safeTxGas: '1' })],
    ['ethereum.refund-not-zero', withTx({ gasToken: token })],
    ['ethereum.refund-not-zero', withTx({ refundReceiver: STRANGER.ethereum })],
    ['ethereum.transaction-malformed', withTx({ value: '0x5' })],
    ['ethereum.transaction-malformed', withTx({ nonce: '-1' })],
    ['ethereum.transaction-malformed', withTx({ nonce: (MaxUint256 + 1n).toString() })],
    ['ethereum.call-undecodable', withTx({ to: token, value: '0', data: '0xdeadbeef' })],
    ['ethereum.call-undecodable', withTx({ to: token, value: '1', data: encodeErc20Transfer(OUTSIDE.ethereum, 5n) })],
    [
      'ethereum.call-undecodable',
      withTx({ to: token, value: '0', data: `${encodeErc20Transfer(OUTSIDE.ethereum, 5n)}00` }),
    ],
    [
      'ethereum.call-undecodable',
      withTx({
        to: token,
        value: '0',
        data: erc20.encodeFunctionData('transferFrom', [safeAddress(firm, 'beta-safe'), OUTSIDE.ethereum, 5n]),
      }),
    ],
  ])('is refused with %s (%#)', (code, payload) => {
    expect(codeOf(ETH_WISH, payload)).toBe(code);
  });

  it('gives an allowance to nobody, not even to its payee', () => {
    const approve = (spender: string) =>
      withTx({ to: token, value: '0', data: erc20.encodeFunctionData('approve', [spender, 5n]) });
    const wish = { ...ETH_WISH, asset: TOKEN };
    expect(codeOf(wish, approve(OUTSIDE.ethereum))).toBe('transfer.payload-differs');
    expect(codeOf(wish, approve(STRANGER.ethereum))).toBe('segregation.change-not-own');
    expect(codeOf(wish, approve(safeAddress(firm, 'beta-safe')))).toBe('segregation.pays-other-client');
    const permit = erc20.encodeFunctionData('permit', [
      safeAddress(firm, 'alpha-safe'),
      OUTSIDE.ethereum,
      5n,
      MaxUint256,
      27,
      `0x${'11'.repeat(32)}`,
      `0x${'22'.repeat(32)}`,
    ]);
    expect(codeOf(wish, withTx({ to: token, value: '0', data: permit }))).toBe('ethereum.call-undecodable');
  });

  it('hides no other payment in a batch', () => {
    expect(codeOf(ETH_WISH, batch([OUTSIDE.ethereum, 5n, '0x']))).toBe('accepted');
    expect(codeOf(ETH_WISH, batch([OUTSIDE.ethereum, 3n, '0x'], [OUTSIDE.ethereum, 2n, '0x']))).toBe(
      'transfer.payload-differs',
    );
    const tokens = encodeErc20Transfer(OUTSIDE.ethereum, 5n);
    expect(codeOf(ETH_WISH, batch([OUTSIDE.ethereum, 5n, '0x'], [token, 0n, tokens]))).toBe('transfer.payload-differs');
    expect(codeOf(ETH_WISH, batch([OUTSIDE.ethereum, 5n, '0x'], [STRANGER.ethereum, 1n, '0x']))).toBe(
      'segregation.change-not-own',
    );
    expect(codeOf(ETH_WISH, batch([OUTSIDE.ethereum, 5n, '0x'], [safeAddress(firm, 'beta-safe'), 1n, '0x']))).toBe(
      'segregation.pays-other-client',
    );
    expect(codeOf(ETH_WISH, batch([OUTSIDE.ethereum, 5n, '0x'], [safeAddress(firm, 'alpha-safe'), 0n, '0x']))).toBe(
      'ethereum.calls-itself',
    );
  });
});
