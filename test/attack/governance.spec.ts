import { jest } from '@jest/globals';
import type { Act } from '@bulkhead/charter';
import { REGTEST, type Result } from '@bulkhead/intent';
import { AlphaPayments } from '../support/alpha-payments.js';
import type { EntryOptions } from '../support/charter-builder.js';
import { enactAfter } from '../support/key-acts.js';
import { makeMember, publicPart } from '../support/members.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

/** Of one act only, that no test waits for. */
const DELAY_S = 120;

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start({ genesis: { rules: { delaySeconds: { 'calendar.set': DELAY_S } } } });
});
afterAll(() => alpha.processes.stop());

const members = () => alpha.charter.members;

/** Enacts an act and hands the entry to signer A itself: no orchestrator is asked. */
async function handOver(act: Act, options?: EntryOptions): Promise<void> {
  const entry = alpha.charter.append(act, options);
  expect(codeOf(await alpha.a.pushEntries([entry]))).toBe('accepted');
}

/** What signer A says to an entry that nobody has applied yet. */
const offered = async (act: Act, options?: EntryOptions): Promise<string> =>
  codeOf(await alpha.a.pushEntries([alpha.charter.entry(act, options)]));

const asked = async (request = alpha.request(alpha.honest())): Promise<string> =>
  codeOf(await alpha.a.signTransfer(request));

describe('a signer that is asked directly, with nothing but honest signatures,', () => {
  it.each<[string, Extract<Act, { kind: 'freeze' }>['scope']]>([
    ['the firm', { of: 'firm' }],
    ['the client', { of: 'owner', owner: 'alpha' }],
    ['the wallet', { of: 'wallet', wallet: 'alpha-btc' }],
  ])('signs nothing while %s is frozen, and signs again once it is not', async (_name, scope) => {
    expect(await asked()).toBe('accepted');
    await handOver({ kind: 'freeze', scope, reason: 'a drill' });
    expect(await asked()).toBe('charter.frozen');
    await handOver({ kind: 'unfreeze', scope });
    expect(await asked()).toBe('accepted');
  });

  it('signs nothing to a payee that is frozen, whoever approved it before', async () => {
    const scope = { of: 'destination', chain: REGTEST, address: alpha.firm.payee.bitcoin } as const;
    const approvedBefore = alpha.request(alpha.honest());
    await handOver({ kind: 'freeze', scope, reason: 'a drill' });
    expect(await asked(approvedBefore)).toBe('charter.frozen');
    await handOver({ kind: 'unfreeze', scope });
  });

  it('takes no second membership of a person, the initiator least of all', async () => {
    const again = publicPart(makeMember('olivia-again', 'operator', members().olivia.person));
    expect(await offered({ kind: 'member.enrol', member: again })).toBe('charter.id-taken');
  });

  it('no longer counts an approver who was revoked after the approval', async () => {
    const petra = makeMember('petra', 'operator');
    await handOver({ kind: 'member.enrol', member: publicPart(petra) });
    const { carla } = members();
    const approvedByPetra = (): ReturnType<typeof alpha.request> =>
      alpha.request(alpha.honest(), {}, { approvers: [petra, carla] });
    expect(await asked(approvedByPetra())).toBe('accepted');
    const approvedBefore = approvedByPetra();
    await handOver({ kind: 'member.revoke', member: 'petra' });
    expect(await asked(approvedBefore)).toBe('approval.unknown-member');
  });

  it('holds transfers to a fee limit as soon as it is lowered', async () => {
    const { limits } = alpha.charter.state;
    await handOver({ kind: 'limits.set', limits: { ...limits, maxFeeRateSatVb: 1 } });
    expect(await asked()).toBe('bitcoin.fee-rate');
    await handOver({ kind: 'limits.set', limits });
    expect(await asked()).toBe('accepted');
  });

  it('takes no rule that operators alone have changed, none that nobody could meet, and no lasting loss of a quorum', async () => {
    const { omar, oskar } = members();
    const { limits } = alpha.charter.state;
    const raised: Act = { kind: 'limits.set', limits: { ...limits, maxFeeSat: '999999999' } };
    expect(await offered(raised, { approvers: [omar, oskar] })).toBe('approval.quorum-not-met');
    const alone = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] } as const;
    const set = (governed: 'limits.raise' | 'transfer.PAYMENT', quorum: object): Act =>
      ({ kind: 'quorum.set', governed, quorum }) as Act;
    expect(await offered(set('limits.raise', alone))).toBe('charter.duties-mixed');
    const unmeetable = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 9 }]] };
    expect(await offered(set('transfer.PAYMENT', unmeetable))).toBe('charter.quorum-unreachable');
    const none = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 0 }]] };
    expect(await offered(set('transfer.PAYMENT', none))).toBe('request.malformed');
    expect(await offered({ kind: 'member.revoke', member: 'carla' })).toBe('charter.quorum-unreachable');
    expect(await asked()).toBe('accepted');
  });

  it('pays a destination no more once it is revoked', async () => {
    const { bitcoin: address } = alpha.firm.payee;
    const approvedBefore = alpha.request(alpha.honest());
    await handOver({ kind: 'destination.revoke', owner: 'alpha', chain: REGTEST, address });
    expect(await asked(approvedBefore)).toBe('segregation.unknown-destination');
  });
});

describe('a signer is no oracle for', () => {
  const digest = 'ab'.repeat(32);
  const answer = async (path: string, body: unknown): Promise<number | string> => {
    const raw: Result<{ status: number; text: string }> = await alpha.a.raw('POST', path, body);
    if (!raw.ok) return raw.refusal.code;
    const { code } = JSON.parse(raw.value.text) as { code?: string };
    return code ?? raw.value.status;
  };

  it('a raw digest: there is no such route, and none among the fields of those that there are', async () => {
    for (const path of ['/v1/sign', '/v1/sign/digest', '/v1/sign/message', '/v1/sign/typed-data', '/v1/keys/sign'])
      expect(await answer(path, { wallet: 'alpha-btc', digest })).toBe('request.not-found');
    expect(await answer('/v1/keys', { wallet: 'alpha-btc', digest })).toBe('request.malformed');
    const request = alpha.request(alpha.honest());
    expect(await answer('/v1/sign/transfer', { ...request, digest })).toBe('request.malformed');
    expect(await answer('/v1/sign/transfer', { ...request, payload: { ...request.payload, digest } })).toBe(
      'request.malformed',
    );
  });

  it('typed data, or a text that is really a transaction (eth_sign)', async () => {
    const request = alpha.request(alpha.honest());
    const chain = 'eip155:31337';
    const payloads = [
      { kind: 'message', chain, message: `0x02f8${'00'.repeat(64)}` },
      { kind: 'eth_sign', chain, message: `0x02f8${'00'.repeat(64)}` },
      { kind: 'typed-data', chain, domain: {}, types: {}, message: {} },
      { kind: 'digest', chain, digest },
    ];
    for (const payload of payloads)
      expect(await answer('/v1/sign/transfer', { ...request, payload })).toBe('request.malformed');
  });
});

// the last one: signer A signs nothing after it for as long as it says
describe('a signer that is given an approved loosening only when its delay is over by its date', () => {
  it('signs nothing until that delay is over by its own clock, and still takes a freeze', async () => {
    const { intent } = alpha.charter.append({
      kind: 'calendar.set',
      calendar: { timeZone: 'UTC', workdays: ['MONDAY'], openMinute: 0, closeMinute: 60, holidays: [] },
    });
    enactAfter(alpha.charter, intent.id, DELAY_S + 1);
    expect(codeOf(await alpha.a.pushEntries(alpha.charter.entries))).toBe('accepted');
    expect(await asked()).toBe('charter.delay-not-over');
    await handOver({ kind: 'freeze', scope: { of: 'firm' }, reason: 'too fast' });
    expect(await asked()).toBe('charter.delay-not-over');
  });
});
