import { REGTEST, tokenOfAsset, type SafeTx } from '@bulkhead/intent';
import { MaxUint256 } from 'ethers';
import fc from 'fast-check';
import { ANVIL, instant, type TransferWish } from '../../../test/support/charter-builder.js';
import { alphaPays, BTC_WISH, ETH_WISH, firm, STRANGER, withTx } from '../../../test/support/usual-transfers.js';
import { OUTSIDE, safeAddress, TOKEN } from '../../../test/support/wallets.js';
import { checkIntent, checkTransfer, decideTransfer } from './decide-transfer.js';
import { NO_EVIDENCE, NO_HISTORY } from './evidence.js';

describe('any other bytes than those that were approved', () => {
  it('are refused: one character of a PSBT', () => {
    const payload = alphaPays();
    const request = firm.transferRequest(BTC_WISH, payload);
    if (payload.kind !== 'psbt') throw new Error('a PSBT');
    const { psbt: text } = payload;
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(63), (position, letter) => {
        const other = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'[letter]!;
        fc.pre(other !== text[position]);
        const changed = { ...payload, psbt: text.slice(0, position) + other + text.slice(position + 1) };
        expect(decideTransfer(firm.state, { ...request, payload: changed }, instant(), NO_HISTORY).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('are refused: any field of a Safe transaction', () => {
    const payload = withTx({});
    const request = firm.transferRequest(ETH_WISH, payload);
    if (payload.kind !== 'safe-tx') throw new Error('a Safe transaction');
    const value = fc.oneof(
      fc.bigInt({ min: 0n, max: MaxUint256 }).map(String),
      fc.constantFrom(STRANGER.ethereum, safeAddress(firm, 'beta-safe'), tokenOfAsset(TOKEN)!),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(payload.tx)), value, (field, other) => {
        fc.pre(other !== payload.tx[field as keyof SafeTx]);
        const tx = { ...payload.tx, [field]: field === 'operation' ? 1 : other };
        expect(decideTransfer(firm.state, { ...request, payload: { ...payload, tx } }, instant(), NO_HISTORY).ok).toBe(
          false,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('never make it throw, approved or not', () => {
    const text = fc.string({ maxLength: 100 });
    const amount = fc.oneof(text, fc.bigInt({ min: 0n, max: 10n ** 80n }).map(String));
    const address = fc.oneof(text, fc.constantFrom(OUTSIDE.ethereum, safeAddress(firm, 'alpha-safe')));
    const tx = fc.record<SafeTx>({
      to: address,
      value: amount,
      data: fc.uint8Array({ maxLength: 100 }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`),
      operation: fc.constantFrom(0, 1),
      safeTxGas: amount,
      baseGas: amount,
      gasPrice: amount,
      gasToken: address,
      refundReceiver: address,
      nonce: amount,
    });
    const opened = (wish: TransferWish) => {
      const { intent, proposal } = firm.transferRequest(wish, alphaPays());
      const checked = checkIntent(firm.state, intent, proposal, instant());
      if (!checked.ok) throw new Error(checked.refusal.code);
      return checked.value;
    };
    const [bitcoin, ether] = [opened(BTC_WISH), opened(ETH_WISH)];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), address, tx, (bytes, safe, each) => {
        const base64 = Buffer.from(bytes).toString('base64');
        expect(
          checkTransfer(firm.state, bitcoin, { kind: 'psbt', chain: REGTEST, psbt: base64 }, instant(), NO_EVIDENCE).ok,
        ).toBe(false);
        const odd = checkTransfer(
          firm.state,
          ether,
          { kind: 'safe-tx', chain: ANVIL, safe, tx: each },
          instant(),
          NO_EVIDENCE,
        );
        expect(typeof odd.ok).toBe('boolean');
      }),
      { numRuns: 500 },
    );
  });
});
