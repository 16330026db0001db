import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { AlphaPayments, AMOUNT_SAT } from '../support/alpha-payments.js';
import { BTC } from '../support/custody-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

/** The limits of signer-b allow this many payments of {@link AMOUNT_SAT} a day. */
const PAYMENTS_A_DAY = 5;
let alpha: AlphaPayments;
let freezeFile: string;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
  const { stack } = alpha.processes;
  freezeFile = join(stack.root, 'signer-b.freeze');
  await stack.part('signer-b').stop();
  await alpha.processes.startSigner('signer-b', {
    freezeFile,
    hardLimits: [
      {
        asset: BTC,
        maxAmountPerTransfer: AMOUNT_SAT.toString(),
        maxAmountPerDay: (AMOUNT_SAT * BigInt(PAYMENTS_A_DAY)).toString(),
      },
    ],
  });
});
afterAll(() => alpha.processes.stop());

const payment = () => alpha.request(alpha.honest());

describe('a signer’s own hard limit', () => {
  it('is not passed by one transfer, whoever has approved it', async () => {
    const output = { ...alpha.payment(), amountSat: AMOUNT_SAT + 1n };
    const payload = alpha.forged([output, { ...alpha.change(), amountSat: 38_999n }]);
    const request = alpha.request(payload, { amount: (AMOUNT_SAT + 1n).toString() });
    expect(codeOf(await alpha.b.signTransfer(request))).toBe('signer.over-hard-limit');
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('accepted'); // signer-a has no limit of its own
  });

  it('is never passed by 20 transfers that race for it', async () => {
    const requests = Array.from({ length: 20 }, payment);
    const codes = (await Promise.all(requests.map((request) => alpha.b.signTransfer(request)))).map(codeOf);
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(PAYMENTS_A_DAY);
    expect(codes.filter((code) => code === 'signer.over-hard-limit')).toHaveLength(20 - PAYMENTS_A_DAY);
    const signed = requests.find((_request, position) => codes[position] === 'accepted');
    // the same payment is counted once
    expect(codeOf(await alpha.b.signTransfer(signed!))).toBe('accepted');
  });

  it('still holds after a restart, and no charter entry raises it', async () => {
    await alpha.processes.stack.part('signer-b').restart();
    expect(codeOf(await alpha.b.signTransfer(payment()))).toBe('signer.over-hard-limit');
  });
});

describe('a signer that its operator has frozen', () => {
  it('signs nothing, not even what it has signed before, and says so', async () => {
    writeFileSync(freezeFile, '');
    expect(codeOf(await alpha.b.signTransfer(payment()))).toBe('signer.frozen-locally');
    expect(codeOf(await alpha.b.health())).toBe('signer.frozen-locally');
    expect(codeOf(await alpha.a.signTransfer(payment()))).toBe('accepted');
    rmSync(freezeFile);
    expect(codeOf(await alpha.b.signTransfer(payment()))).toBe('signer.over-hard-limit');
  });
});
