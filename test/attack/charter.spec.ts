import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';
import { jest } from '@jest/globals';
import type { Quorum } from '@bulkhead/approval';
import type { Act, CharterEntry } from '@bulkhead/charter';
import { REGTEST, ZERO_DIGEST } from '@bulkhead/intent';
import { AlphaPayments } from '../support/alpha-payments.js';
import { CharterBuilder, instant, type EntryOptions } from '../support/charter-builder.js';
import { addressOf, BTC } from '../support/custody-firm.js';
import { makeMember, publicPart, type TestMember } from '../support/members.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

/** Long enough that an act waits, short enough that a test can. */
const DELAY_S = 2;
const ticker = makeMember('ticker', 'attestor');

let alpha: AlphaPayments;
beforeAll(async () => {
  const delaySeconds = {
    unfreeze: DELAY_S,
    'quorum.loosen': DELAY_S,
    'limits.raise': DELAY_S,
    'break-glass': DELAY_S,
  };
  alpha = await AlphaPayments.start({ genesis: { rules: { delaySeconds } } });
});
afterAll(() => alpha.processes.stop());

const members = () => alpha.charter.members;
const push = async (...entries: readonly CharterEntry[]): Promise<string> => codeOf(await alpha.a.pushEntries(entries));

/** Enacts an act and hands its entry to both signers themselves. */
async function handOver(act: Act, options?: EntryOptions): Promise<CharterEntry> {
  const entry = alpha.charter.append(act, options);
  for (const signer of [alpha.a, alpha.b]) expect(codeOf(await signer.pushEntries([entry]))).toBe('accepted');
  return entry;
}
/** What signer A says to an entry that nobody has applied yet. */
const offered = (act: Act, options?: EntryOptions): Promise<string> => push(alpha.charter.entry(act, options));
const asked = async (request = alpha.request(alpha.honest())): Promise<string> =>
  codeOf(await alpha.a.signTransfer(request));
const delayOver = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, DELAY_S * 1_000 + 200));
const operators = (...asks: [string, number][]): Quorum => ({
  initiators: ['operator'],
  anyOf: [asks.map(([group, threshold]) => ({ group, threshold }))],
});

describe('a signer that is brought entries by somebody who took over the orchestrator', () => {
  const houses = (count: number): CharterEntry[] => {
    const ahead = CharterBuilder.fork(alpha.charter);
    return Array.from({ length: count }, (_, index) =>
      ahead.append({ kind: 'house.open', owner: { id: `late-${index}`, name: 'Late' } }),
    );
  };

  it('takes none that was skipped to, put in another order, forked, or put back', async () => {
    const [first, second] = houses(2) as [CharterEntry, CharterEntry];
    expect(await push(second)).toBe('charter.gap');
    expect(await push(second, first)).toBe('charter.gap');
    const forked = { ...first, intent: { ...first.intent, previous: ZERO_DIGEST } };
    expect(await push(forked)).toBe('charter.fork');
    const [genesis, old] = alpha.charter.entries as [CharterEntry, CharterEntry];
    expect(await push({ ...old, intent: { ...old.intent, id: randomUUID() } })).toBe('charter.rollback');
    expect(await push({ ...genesis, enactedAt: instant() })).toBe('charter.genesis-mismatch');
  });

  it('takes none of another firm, though its members have the same keys', async () => {
    const twin = CharterBuilder.start(
      [...alpha.charter.state.signers.values()].map(({ id, tlsFingerprint }) => ({ id, tlsFingerprint })),
      {
        members: members(),
      },
    );
    const entry = twin.append({ kind: 'house.open', owner: { id: 'twin', name: 'Twin' } });
    expect(await push(entry)).toBe('intent.wrong-firm');
    const { intent } = alpha.charter.entry({ kind: 'house.open', owner: { id: 'twin', name: 'Twin' } });
    // the place is right, the words were given in the other firm
    expect(await push({ ...entry, intent, enactedAt: instant(1_000) })).toBe('intent.wrong-firm');
  });

  it('takes none with an act, a place or a time that nobody approved', async () => {
    const [honest] = houses(1) as [CharterEntry];
    const { intent } = honest;
    const changed = { ...intent, act: { kind: 'house.open', owner: { id: 'mine', name: 'Mine' } } } as const;
    expect(await push({ ...honest, intent: changed })).toBe('approval.intent-mismatch');
    expect(await push({ ...honest, enactedAt: instant(3_600_000) })).toBe('charter.enacted-in-future');
    expect(await push({ ...honest, approvals: honest.approvals.slice(1) })).toBe('approval.quorum-not-met');
    expect(await push({ ...honest, approvals: [...honest.approvals, ...honest.approvals] })).toBe('approval.duplicate');
  });
});

describe('a loosening', () => {
  const weaker = operators(['operator', 1]);
  const governed = 'transfer.PAYMENT';

  it('is put into force neither before its delay nor by an orchestrator that lies about the time', async () => {
    const { omar, carla } = members();
    await handOver({ kind: 'quorum.set', governed, quorum: operators(['operator', 1], ['compliance', 1]) });
    const { intent } = await handOver({ kind: 'quorum.set', governed, quorum: weaker });
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(await offered(enact)).toBe('charter.delay-not-over');
    expect(await offered(enact, { enactedAt: instant(3_500_000) })).toBe('charter.enacted-in-future');
    expect(await asked(alpha.request(alpha.honest(), {}, { approvers: [omar] }))).toBe('approval.quorum-not-met');
    expect(await asked(alpha.request(alpha.honest(), {}, { approvers: [omar, carla] }))).toBe('accepted');
    await handOver({ kind: 'pending.veto', intent: intent.id });
    await delayOver();
    expect(await offered(enact)).toBe('charter.nothing-pending');
  });

  it('that was approved twice lifts no freeze that came after it, and raises no cap that was lowered', async () => {
    const scope = { of: 'wallet', wallet: 'beta-btc' } as const;
    const frozen: Act = { kind: 'freeze', scope, reason: 'a drill' };
    await handOver(frozen);
    const [used, pocketed] = [await handOver({ kind: 'unfreeze', scope }), await handOver({ kind: 'unfreeze', scope })];
    const { limits } = alpha.charter.state;
    const raised = await handOver({ kind: 'limits.set', limits: { ...limits, maxFeeSat: '100001' } });
    await delayOver();
    await handOver({ kind: 'pending.enact', intent: used.intent.id });
    await handOver(frozen);
    await handOver({ kind: 'limits.set', limits: { ...limits, maxFeeSat: '90000' } });
    for (const { intent } of [pocketed, raised])
      expect(await offered({ kind: 'pending.enact', intent: intent.id })).toBe('charter.nothing-pending');
  });

  it('of a threshold never goes to 0 or above who there is, whoever approves it', async () => {
    expect(await offered({ kind: 'quorum.set', governed, quorum: operators(['operator', 0]) })).toBe(
      'request.malformed',
    );
    expect(await offered({ kind: 'quorum.set', governed, quorum: { initiators: ['operator'], anyOf: [] } })).toBe(
      'request.malformed',
    );
    expect(await offered({ kind: 'quorum.set', governed, quorum: operators(['operator', 3]) })).toBe(
      'charter.quorum-unreachable',
    );
    expect(await offered({ kind: 'quorum.set', governed, quorum: operators(['nobody', 1]) })).toBe(
      'charter.quorum-unreachable',
    );
  });

  it('is never the spenders’ own: operators among themselves raise no limit, floor, quorum or group', async () => {
    const { olivia, omar, oskar } = members();
    const amongThemselves: EntryOptions = { initiator: olivia, approvers: [omar, oskar] };
    const { limits, rules } = alpha.charter.state;
    const attempts: readonly Act[] = [
      { kind: 'limits.set', limits: { ...limits, maxFeeSat: '99999999' } },
      { kind: 'limits.set', limits: { ...limits, feeInvoices: [{ asset: BTC, maxAmount: '99999999' }] } },
      { kind: 'rules.set', rules: { ...rules, delaySeconds: {} } },
      { kind: 'quorum.set', governed, quorum: weaker },
      { kind: 'group.set', group: { id: 'desk', members: ['olivia'] } },
      { kind: 'member.enrol', member: publicPart(makeMember('friend', 'operator')) },
    ];
    for (const act of attempts) expect(await offered(act, amongThemselves)).toBe('approval.quorum-not-met');
    const permissive: Act = {
      kind: 'policy.set',
      id: 'all',
      text: '@quorum("transfer.PAYMENT") permit (principal, action == Action::"transfer", resource);',
      owner: null,
      wallet: null,
    };
    expect(await offered(permissive, amongThemselves)).toBe('approval.not-eligible');
  });
});

describe('a signer that is asked for a transfer', () => {
  const byThese = (approvers: readonly TestMember[], initiator = members().olivia): Promise<string> =>
    asked(alpha.request(alpha.honest(), {}, { initiator, approvers }));

  it('counts a person in two groups once, an engineer and a machine never', async () => {
    const { olivia, omar, carla, erika } = members();
    await handOver({ kind: 'group.set', group: { id: 'desk', members: ['omar', 'oskar'] } });
    await handOver({
      kind: 'quorum.set',
      governed: 'transfer.PAYMENT',
      quorum: operators(['operator', 1], ['desk', 1]),
    });
    await delayOver();
    await handOver({ kind: 'pending.enact', intent: alpha.charter.entries.at(-1)!.intent.id });
    expect(await byThese([omar])).toBe('approval.quorum-not-met');
    expect(await byThese([omar, omar])).toBe('approval.duplicate');
    expect(await byThese([omar, olivia])).toBe('approval.initiator');
    expect(await byThese([omar, carla])).toBe('approval.not-eligible');
    expect(await byThese([omar, erika])).toBe('approval.not-eligible');
    await handOver({ kind: 'member.enrol', member: publicPart(ticker) });
    expect(await byThese([omar, ticker])).toBe('approval.not-eligible');
    expect(await byThese([omar, members().oskar])).toBe('accepted');
  });

  it('no longer counts a member whose time is over', async () => {
    const petra = makeMember('petra', 'operator');
    const expiresAt = instant(2_500);
    await handOver({ kind: 'member.enrol', member: { ...publicPart(petra), expiresAt } });
    const { omar } = members();
    expect(await byThese([omar, petra])).toBe('accepted');
    await new Promise((resolve) => setTimeout(resolve, Date.parse(expiresAt) - Date.now() + 50));
    expect(await byThese([omar, petra])).toBe('approval.member-expired');
  });

  it('spends no frozen coin, and others all the same', async () => {
    const coin = alpha.coin();
    const { txid, vout } = coin;
    const scope = { of: 'coin', chain: REGTEST, coin: `${txid}:${vout}` } as const;
    const { omar, oskar } = members();
    const approvedBefore = alpha.request(alpha.honest(undefined, coin), {}, { approvers: [omar, oskar] });
    await handOver({ kind: 'freeze', scope, reason: 'traced' });
    expect(await asked(approvedBefore)).toBe('charter.frozen');
    expect(await byThese([omar, oskar])).toBe('accepted');
  });

  it('does not count a member who still waits out the delay', async () => {
    const { omar } = members();
    const { rules } = alpha.charter.state;
    const delaySeconds = { ...rules.delaySeconds, 'member.enrol': DELAY_S };
    await handOver({ kind: 'rules.set', rules: { ...rules, delaySeconds } });
    const paul = makeMember('paul', 'operator');
    const { intent } = await handOver({ kind: 'member.enrol', member: publicPart(paul) });
    expect(await byThese([omar, paul])).toBe('approval.unknown-member');
    await delayOver();
    await handOver({ kind: 'pending.enact', intent: intent.id });
    expect(await byThese([omar, paul])).toBe('accepted');
  });
});

describe('break-glass', () => {
  const reason = 'a drill';
  const glass = (act: Extract<Act, { kind: 'break-glass' }>['act']): Act => ({ kind: 'break-glass', act, reason });

  it('waits and asks more people, and what it brings still holds to the walls between owners', async () => {
    const { omar, oskar, carla } = members();
    const text =
      '@quorum("transfer.PAYMENT") permit (principal, action == Action::"transfer", resource) when { context.amountMillionths > 0 };';
    const open = glass({ kind: 'policy.set', id: 'emergency', text, owner: 'alpha', wallet: null });
    expect(await offered(open, { approvers: [omar, carla] })).toBe('approval.quorum-not-met');
    const set = operators(['operator', 1], ['compliance', 1]);
    const lifted = glass({ kind: 'quorum.set', governed: 'transfer.RESTITUTION', quorum: set });
    const { intent } = await handOver(lifted);
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(await offered(enact)).toBe('charter.delay-not-over');
    await delayOver();
    expect(await offered(enact, { approvers: [omar, carla] })).toBe('approval.quorum-not-met');
    await handOver(enact);
    const toHouse = addressOf(alpha.firm.bitcoin.house);
    const { payload, wish } = { payload: alpha.honest(toHouse), wish: { to: toHouse } };
    expect(await asked(alpha.request(payload, wish, { approvers: [omar, oskar] }))).toBe('segregation.pays-house');
    const toBeta = addressOf(alpha.firm.bitcoin.beta);
    const request = alpha.request(
      alpha.honest(toBeta),
      { to: toBeta, purpose: 'RESTITUTION' },
      { approvers: [omar, carla] },
    );
    expect(await asked(request)).toBe('segregation.pays-other-client');
  });

  it('brings no destination, no wallet and nothing else about a client’s money', async () => {
    const address = addressOf(alpha.firm.bitcoin.house);
    const destination = {
      kind: 'destination.approve',
      id: randomUUID(),
      owner: 'alpha',
      chain: REGTEST,
      address,
      label: 'x',
    };
    expect(await offered(glass(destination as never))).toBe('request.malformed');
  });
});

describe('a signer that was given another token than the charter names for it', () => {
  it('signs nothing with it, makes no key in it and shows none', async () => {
    const { stack } = alpha.processes;
    const { label, pinFile, configFile } = stack.tokens['signer-c'];
    await stack.part('signer-a').stop();
    const profileFile = join(projectFolder, 'hsm-config/softhsm2.json');
    const token = { profileFile, label, pinFile, env: { SOFTHSM2_CONF: configFile } };
    await alpha.processes.startSigner('signer-a', { token });
    expect(await asked()).toBe('signer.wrong-token');
    // an address would be issued on what it has shown, and nothing signed for it
    const statement = { nonce: 'ab'.repeat(32), wallet: 'later-btc', address: addressOf(alpha.firm.bitcoin.alpha) };
    const answers = [await alpha.a.generateKey('later-btc'), await alpha.a.proveControl(statement)];
    expect(answers.map(codeOf)).toEqual(['signer.wrong-token', 'signer.wrong-token']);
  });
});
