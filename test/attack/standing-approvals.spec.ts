import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { USUAL_RULES, type Act } from '@bulkhead/charter';
import { REGTEST } from '@bulkhead/intent';
import { AlphaPayments } from '../support/alpha-payments.js';
import { instant } from '../support/charter-builder.js';
import { enactAfter } from '../support/key-acts.js';
import { withDevice } from '../support/members.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

const DAY_MS = 86_400_000;
/** How long a new member, or a new device of one, waits. */
const ENROLMENT_S = 6;

/** All approvals are true signatures of members; whoever holds the orchestrator brings them at another time. */
let alpha: AlphaPayments;
beforeAll(async () => {
  const rules = { ...USUAL_RULES, delaySeconds: { 'member.enrol': ENROLMENT_S } };
  alpha = await AlphaPayments.start({ genesis: { rules } });
}, 200_000);
afterAll(() => alpha.processes.stop());

async function handOver(act: Act): Promise<string> {
  const entry = alpha.charter.append(act);
  await bring();
  return entry.intent.id;
}
async function bring(): Promise<void> {
  for (const signer of [alpha.a, alpha.b])
    expect(codeOf(await signer.pushEntries(alpha.charter.entries))).toBe('accepted');
}
const asked = async (request = alpha.request(alpha.honest())): Promise<string[]> => [
  codeOf(await alpha.a.signTransfer(request)),
  codeOf(await alpha.b.signTransfer(request)),
];
const both = (code: string): string[] => [code, code];

describe('what was approved before', () => {
  it('a destination was revoked does not count again once that is approved anew', async () => {
    const { bitcoin: address } = alpha.firm.payee;
    const destination = { owner: 'alpha', chain: REGTEST, address };
    const before = alpha.request(alpha.honest());
    await handOver({ kind: 'destination.revoke', ...destination });
    expect(await asked(before)).toEqual(both('segregation.unknown-destination'));
    await handOver({ kind: 'destination.approve', ...destination, id: randomUUID(), label: 'bank' });
    expect(await asked(before)).toEqual(both('destination.approved-since'));
    expect(await asked()).toEqual(both('accepted'));
  });

  it('a device’s delay is over counts neither then nor for what is decided meanwhile', async () => {
    const { omar, carla } = alpha.charter.members;
    const phone = withDevice(omar, 'omar-phone');
    const [key] = phone.keys;
    const waiting = await handOver({ kind: 'member-key.enrol', member: omar.id, key: key! });
    const request = alpha.request(alpha.honest(), {}, { approvers: [phone, carla] });
    expect(await asked(request)).toEqual(both('approval.unknown-key'));
    // in force sooner than by a signer's own clock: nothing at all is signed until then
    enactAfter(alpha.charter, waiting, ENROLMENT_S);
    await sleep(ENROLMENT_S * 1_000 + 1_500);
    await bring();
    const now = alpha.request(alpha.honest(), {}, { approvers: [phone, carla] });
    expect(await asked(now)).toEqual(both('accepted'));
  });
});

describe('an intent', () => {
  it('lives a week at most, whatever its members have signed', async () => {
    const wish = { createdAt: instant(), expiresAt: instant(7 * DAY_MS + 60_000) };
    expect(await asked(alpha.request(alpha.honest(), wish))).toEqual(both('intent.too-long'));
  });

  it('is not made in the future, to live longer or to be newer than what it depends on', async () => {
    const wish = { createdAt: instant(DAY_MS), expiresAt: instant(8 * DAY_MS) };
    expect(await asked(alpha.request(alpha.honest(), wish))).toEqual(both('intent.in-future'));
  });
});
