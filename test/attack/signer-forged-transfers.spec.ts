import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { bitcoinSpec } from '@bulkhead/charter';
import { buildSafeTransfer } from '@bulkhead/ethereum';
import type { Payload } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import pg from 'pg';
import { AlphaPayments, FEE_RATE_SAT_VB } from '../support/alpha-payments.js';
import { ANVIL } from '../support/charter-builder.js';
import { addressOf, ETH, strangersAddress } from '../support/custody-firm.js';
import { inventCoin } from '../support/forged-psbt.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
});
afterAll(() => alpha.processes.stop());

const members = () => alpha.charter.members;
const honestTo = (to: string) => alpha.request(alpha.honest(to), { to });
const changeTo = (address: string) => alpha.request(alpha.forged([alpha.payment(), alpha.change(address)]));

type SafePayload = Extract<Payload, { kind: 'safe-tx' }>;
/** Five wei from alpha's Safe to its bank. */
function safeTx(nonce: bigint, chain: SafePayload['chain'] = ANVIL, value = '5'): SafePayload {
  const tx = buildSafeTransfer({ asset: ETH, to: alpha.firm.payee.ethereum, amount: 5n, nonce });
  return { kind: 'safe-tx', chain, safe: alpha.firm.safes.alpha.address, tx: { ...tx, value } };
}
const fiveWei = (payload: SafePayload, approvedPayload = payload) => {
  const wish = { wallet: 'alpha-safe', asset: ETH, to: alpha.firm.payee.ethereum, amount: '5', maxFee: '0' };
  return alpha.request(payload, wish, { approvedPayload });
};

/** Each is signed by the members as far as it says nothing else: what is wrong is what its name says. */
const ATTEMPTS: readonly (readonly [name: string, code: string, forge: () => TransferRequest])[] = [
  ['alpha’s coins to the house', 'segregation.pays-house', () => honestTo(addressOf(alpha.firm.bitcoin.house))],
  ['alpha’s coins to beta', 'segregation.pays-other-client', () => honestTo(addressOf(alpha.firm.bitcoin.beta))],
  ['alpha’s coins to a stranger', 'segregation.unknown-destination', () => honestTo(strangersAddress())],
  [
    'coins of alpha and beta in one transaction',
    'segregation.mixed-owners',
    () => {
      const spec = bitcoinSpec(alpha.firm.bitcoin.beta);
      const inputs = [alpha.input(), { spec, coin: inventCoin(spec, 50_000n) }];
      const change = { ...alpha.change(), amountSat: 89_000n };
      return alpha.request(alpha.forged([alpha.payment(), change], inputs));
    },
  ],
  [
    'coins that are nobody’s',
    'segregation.unknown-input',
    () => {
      const spec = { ...bitcoinSpec(alpha.firm.bitcoin.alpha), recoveryDelayBlocks: 1 };
      const inputs = [{ spec, coin: inventCoin(spec, 100_000n) }];
      return alpha.request(alpha.forged([alpha.payment(), alpha.change()], inputs));
    },
  ],
  [
    'beta’s wallet in alpha’s name',
    'charter.unknown-wallet',
    () => alpha.request(alpha.honest(), { wallet: 'beta-btc' }),
  ],
  ['change to a stranger', 'segregation.change-not-own', () => changeTo(strangersAddress())],
  ['change to the house', 'segregation.pays-house', () => changeTo(addressOf(alpha.firm.bitcoin.house, 1))],
  [
    'change beyond the window of the wallet',
    'segregation.change-not-own',
    () => changeTo(addressOf(alpha.firm.bitcoin.alpha, 1, 5)),
  ],
  ['another amount', 'transfer.payload-differs', () => alpha.request(alpha.honest(), { amount: '60001' })],
  ['a fee over the cap', 'segregation.fee-over-cap', () => alpha.request(alpha.honest(), { maxFee: '10' })],
  ['all of the change as fee', 'bitcoin.fee-rate', () => alpha.request(alpha.forged([alpha.payment()]))],
  [
    'a fee that was changed after approval',
    'approval.payload-mismatch',
    () => {
      const coin = alpha.coin();
      const dearer = alpha.honest(undefined, coin, FEE_RATE_SAT_VB + 1n);
      return alpha.request(dearer, {}, { approvedPayload: alpha.honest(undefined, coin) });
    },
  ],
  [
    'an intent that was changed after it was proposed',
    'approval.intent-mismatch',
    () => {
      const request = alpha.request(alpha.honest());
      return { ...request, intent: { ...request.intent, memo: 'changed' } };
    },
  ],
  ['a Safe transaction of another chain', 'transfer.payload-differs', () => fiveWei(safeTx(0n, 'eip155:1'))],
  [
    'a Safe transaction that was approved for another chain',
    'approval.payload-mismatch',
    () => fiveWei(safeTx(0n), safeTx(0n, 'eip155:1')),
  ],
  [
    'a Safe transaction of which a byte was changed after approval: its nonce',
    'approval.payload-mismatch',
    () => fiveWei(safeTx(1n), safeTx(0n)),
  ],
  [
    'a Safe transaction of which a byte was changed after approval: its value',
    'transfer.payload-differs',
    () => fiveWei(safeTx(0n, ANVIL, '6'), safeTx(0n)),
  ],
  [
    'one approver twice',
    'approval.duplicate',
    () => alpha.request(alpha.honest(), {}, { approvers: [members().omar, members().omar, members().carla] }),
  ],
  [
    'the initiator as an approver',
    'approval.initiator',
    () => alpha.request(alpha.honest(), {}, { approvers: [members().olivia, members().carla] }),
  ],
  [
    'one approver too few',
    'approval.quorum-not-met',
    () => alpha.request(alpha.honest(), {}, { approvers: [members().omar] }),
  ],
  [
    'an intent that has expired',
    'intent.expired',
    () => alpha.request(alpha.honest(), { expiresAt: '2020-01-01T00:00:00.000Z' }),
  ],
];

describe('a signer that is asked by somebody who took over the orchestrator', () => {
  it.each(ATTEMPTS)('does not sign %s', async (_name, code, forge) => {
    expect(codeOf(await alpha.a.signTransfer(forge()))).toBe(code);
  });

  it('has signed and committed nothing of it, and recorded each refusal', async () => {
    const database = new pg.Client({ connectionString: alpha.processes.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    try {
      const { rows } = await database.query<{ code: string }>('select code from decision order by id');
      expect(rows.map(({ code }) => code)).toEqual(ATTEMPTS.map(([, code]) => code));
      for (const table of ['commitment', 'signature']) {
        expect((await database.query(`select 1 from ${table}`)).rowCount).toBe(0);
      }
      for (const table of ['decision', 'commitment', 'signature']) {
        await expect(database.query(`delete from ${table}`)).rejects.toThrow(/written once/);
      }
    } finally {
      await database.end();
    }
  });

  it('keeps bodies and secrets out of its log', () => {
    const { stack } = alpha.processes;
    const log = readFileSync(stack.part('signer-a').logFile, 'utf8');
    expect(log).toContain('segregation.pays-house');
    expect(log).not.toContain(readFileSync(stack.tokens['signer-a'].pinFile, 'utf8').trim());
    expect(log).not.toContain('cHNidP8'); // how every PSBT starts in base64
  });
});
