import fc from 'fast-check';
import { id } from 'ethers/hash';
import { decodeSafeLog, LOG_TOPICS } from './logs.js';

const emitter = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const bob = '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB';
const word = (hex: string): string => `0x${hex.replace(/^0x/, '').toLowerCase().padStart(64, '0')}`;
const log = (topics: string[], data: string) => ({ address: emitter.toLowerCase(), topics, data });

describe('a log', () => {
  it('has the topics that the published signatures hash to', () => {
    expect(LOG_TOPICS).toEqual({
      safeReceived: id('SafeReceived(address,uint256)'),
      executionSuccess: id('ExecutionSuccess(bytes32,uint256)'),
      executionFailure: id('ExecutionFailure(bytes32,uint256)'),
      // as every token on every chain emits it
      tokenTransfer: '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
    });
  });

  it('tells ether that came in', () => {
    expect(decodeSafeLog(log([LOG_TOPICS.safeReceived, word(bob)], word('0a')))).toEqual({
      kind: 'ether-received',
      safe: emitter,
      from: bob,
      amount: 10n,
    });
  });

  it('tells an execution, with its hash among the topics as in 1.4.1', () => {
    const safeTxHash = `0x${'ab'.repeat(32)}`;
    const execution = { kind: 'execution', safe: emitter, safeTxHash };
    expect(decodeSafeLog(log([LOG_TOPICS.executionSuccess, safeTxHash], word('0')))).toEqual({
      ...execution,
      success: true,
    });
    expect(decodeSafeLog(log([LOG_TOPICS.executionFailure, safeTxHash], word('0')))).toEqual({
      ...execution,
      success: false,
    });
  });

  it('tells a token transfer', () => {
    expect(decodeSafeLog(log([LOG_TOPICS.tokenTransfer, word(bob), word(emitter)], word('ff')))).toEqual({
      kind: 'token-transfer',
      token: emitter,
      from: bob,
      to: emitter,
      amount: 255n,
    });
  });

  it.each([
    ['an ERC-721 transfer', log([LOG_TOPICS.tokenTransfer, word(bob), word(emitter), word('1')], '0x')],
    ['an execution of Safe 1.3.0', log([LOG_TOPICS.executionSuccess], `${word('1')}${word('0').slice(2)}`)],
    ['another event', log([id('Paused()')], '0x')],
    ['no topics', log([], word('1'))],
    ['dirty address padding', log([LOG_TOPICS.safeReceived, `0x${'11'.repeat(32)}`], word('1'))],
    ['trailing data', log([LOG_TOPICS.safeReceived, word(bob)], `${word('1')}00`)],
  ])('with %s is of no interest', (_, each) => {
    expect(decodeSafeLog(each)).toBeUndefined();
  });

  it('never throws', () => {
    const topic = fc.oneof(fc.constantFrom(...Object.values(LOG_TOPICS)), fc.string());
    fc.assert(
      fc.property(fc.string(), fc.array(topic, { maxLength: 5 }), fc.string(), (address, topics, data) => {
        expect(decodeSafeLog({ address, topics, data })).toBeUndefined();
      }),
    );
  });
});
