import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { DEFAULT_POLICIES } from '@bulkhead/cedar';
import type { Act } from '@bulkhead/charter';
import type { SessionTerms } from '@bulkhead/keys';
import type { TransferRequest } from '@bulkhead/policy';
import { MpcMember } from '../../apps/orchestrator/src/signers/mpc-member.js';
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

/** With all approvals that the charter asks for. */
function overTheLimit(): TransferRequest {
  const output = { ...alpha.payment(), amountSat: AMOUNT_SAT + 1n };
  const payload = alpha.forged([output, { ...alpha.change(), amountSat: 38_999n }]);
  return alpha.request(payload, { amount: (AMOUNT_SAT + 1n).toString() });
}

describe('a signer’s own hard limit', () => {
  it('is not passed by one transfer, whoever has approved it', async () => {
    const request = overTheLimit();
    expect(codeOf(await alpha.b.signTransfer(request))).toBe('signer.over-hard-limit');
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('accepted'); // signer-a has no limit of its own
  });

  it('is raised by no charter entry, however wide its limits and permits are', async () => {
    const { limits } = alpha.charter.state;
    const wide: readonly Act[] = [
      { kind: 'limits.set', limits: { ...limits, maxFeeSat: '100000000', maxFeeRateSatVb: 1_000 } },
      {
        kind: 'policy.set',
        id: 'anything',
        text: DEFAULT_POLICIES['payment'] ?? '', // one more permit: a wider one is not taken (`policy.counter-example`)
        owner: null,
        wallet: null,
      },
    ];
    const entries = wide.map((act) => alpha.charter.append(act));
    for (const signer of [alpha.a, alpha.b]) expect(codeOf(await signer.pushEntries(entries))).toBe('accepted');
    expect(codeOf(await alpha.b.signTransfer(overTheLimit()))).toBe('signer.over-hard-limit');
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

  it('still holds after a restart', async () => {
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

  it('makes no key and no share, and proves control of none', async () => {
    const { id } = alpha.firm.bitcoin.alpha;
    const statement = { nonce: randomBytes(32).toString('hex'), wallet: id, address: 'anywhere' };
    const terms: SessionTerms = {
      purpose: 'generate',
      session: 'ab'.repeat(32),
      group: 'new-tap',
      threshold: 2,
      members: ['signer-a', 'signer-b'],
    };
    const member = new MpcMember(alpha.b);
    const attempts = async () => [
      codeOf(await alpha.b.generateKey(`new-${randomUUID()}`)),
      codeOf(await alpha.b.proveControl(statement)),
      codeOf(await member.announce({ ...terms, session: randomBytes(32).toString('hex') })),
      codeOf(await member.proveShare({ ...statement, wallet: 'no-tap' })),
    ];
    writeFileSync(freezeFile, '');
    expect(await attempts()).toEqual(Array.from({ length: 4 }, () => 'signer.frozen-locally'));
    rmSync(freezeFile);
    expect(await attempts()).toEqual(['accepted', 'accepted', 'accepted', 'signer.wrong-wallet']);
  });
});
