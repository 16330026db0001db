import { jest } from '@jest/globals';
import { DEFAULT_POLICIES } from '@bulkhead/cedar';
import type { Act } from '@bulkhead/charter';
import { intentDigest } from '@bulkhead/intent';
import type { Attestation, TransferRequest } from '@bulkhead/policy';
import { AlphaPayments } from '../support/alpha-payments.js';
import { attestPrice, attestTravelRule } from '../support/attestors.js';
import type { EntryOptions } from '../support/charter-builder.js';
import { addressOf, BTC } from '../support/custody-firm.js';
import { instant, makeMember, publicPart } from '../support/members.js';
import { codeOf, factsOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

let alpha: AlphaPayments;
const SCOPE = '(principal, action == Action::"transfer", resource)';
/** Permits everything: no such policy is ever taken later, so the firm of this drill was born with it. */
const WIDE = `@quorum("transfer.PAYMENT") permit ${SCOPE};`;

beforeAll(async () => {
  const policies = Object.entries({ ...DEFAULT_POLICIES, wide: WIDE }).map(([id, text]) => ({ id, text }));
  alpha = await AlphaPayments.start({ genesis: { policies } });
});
afterAll(() => alpha.processes.stop());

let drills = 0;
/** Of the newest drill: an id that was removed is not used again. */
const drill = (): string => `drill-${drills}`;
function policy(text: string, owner: string | null = 'alpha', id?: string): Act {
  drills += 1;
  return { kind: 'policy.set', id: id ?? drill(), text, owner, wallet: null };
}
const remove = (id = drill()): Act => ({ kind: 'policy.remove', id });

/** Enacts an act and hands the entry to both signers themselves: no orchestrator is asked. */
async function handOver(act: Act): Promise<void> {
  const entry = alpha.charter.append(act);
  for (const signer of [alpha.a, alpha.b]) expect(codeOf(await signer.pushEntries([entry]))).toBe('accepted');
}
/** What signer A says to an entry that nobody has applied yet. */
const offered = async (act: Act, options?: EntryOptions): Promise<string> =>
  codeOf(await alpha.a.pushEntries([alpha.charter.entry(act, options)]));
/** What each signer says to a payment that is honest and fully approved. */
async function asked(): Promise<string[]> {
  const request = alpha.request(alpha.honest());
  return [codeOf(await alpha.a.signTransfer(request)), codeOf(await alpha.b.signTransfer(request))];
}
const both = (code: string): string[] => [code, code];

describe('a signer that is asked directly, with nothing but honest signatures,', () => {
  it('holds to its invariants whatever is permitted', async () => {
    const { bitcoin } = alpha.firm;
    const house = alpha.charter.state.addresses.findKey(({ wallet }) => wallet === bitcoin.house.id);
    const to = house?.slice(bitcoin.house.chain.length + 1) ?? '';
    const toTheHouse = alpha.request(alpha.honest(to), { to });
    expect(codeOf(await alpha.a.signTransfer(toTheHouse))).toBe('segregation.pays-house');
    await handOver(remove('wide'));
  });

  it('signs nothing that a policy of the charter forbids, and signs again when it is removed', async () => {
    expect(await asked()).toEqual(both('accepted'));
    await handOver(policy(`forbid ${SCOPE} when { context.amountMillionths >= 600 };`));
    expect(await asked()).toEqual(both('policy.forbidden'));
    expect(factsOf(await alpha.a.signTransfer(alpha.request(alpha.honest())))).toMatchObject({ policies: drill() });
    await handOver(remove());
    expect(await asked()).toEqual(both('accepted'));
  });

  it('signs no fee invoice where a policy forbids outputs of the house’s estate, and still signs payments', async () => {
    const { bitcoin } = alpha.firm;
    const to = addressOf(bitcoin.house, 0);
    const invoice = () => alpha.request(alpha.honest(to), { to, purpose: 'FEE_INVOICE' });
    const answers = async () => [await alpha.a.signTransfer(invoice()), await alpha.b.signTransfer(invoice())];
    const before = await answers();
    expect(before.map(codeOf)).toEqual(both('accepted'));
    const [paid] = before;
    expect(paid?.ok && paid.value.decision.record.facts).toMatchObject({
      inputs: 'alpha CLIENT',
      outputs: 'alpha CLIENT, house HOUSE',
      change: 'alpha CLIENT',
      feePayer: 'alpha CLIENT',
    });
    await handOver(policy(`forbid ${SCOPE} when { context.outputEstates.contains(Estate::"HOUSE") };`));
    const after = await answers();
    expect(after.map(codeOf)).toEqual(both('policy.forbidden'));
    expect(factsOf(after[0]!)).toMatchObject({ policies: drill() });
    expect(await asked()).toEqual(both('accepted'));
    await handOver(remove());
  });

  it('signs nothing when a policy errs, though Cedar by itself would skip it', async () => {
    // 600 to the seventh power is beyond 64 bits; at the amounts that the proof tries it is not
    const beyond64Bits = new Array<string>(7).fill('context.amountMillionths').join(' * ');
    await handOver(policy(`forbid ${SCOPE} when { ${beyond64Bits} < 0 };`));
    expect(await asked()).toEqual(both('policy.error'));
    expect(factsOf(await alpha.a.signTransfer(alpha.request(alpha.honest())))).toMatchObject({ policy: drill() });
    await handOver(remove());
  });

  it('is not held up by what is forbidden to another client', async () => {
    await handOver(policy(`forbid ${SCOPE};`, 'beta'));
    expect(await asked()).toEqual(both('accepted'));
    await handOver(remove());
  });

  it('takes no policy that names an unknown fact, loops in size, or that operators have written', async () => {
    expect(await offered(policy(`forbid ${SCOPE} when { context.colour == "red" };`))).toBe('policy.invalid');
    const endless = `forbid ${SCOPE} when { ${'context.amountMillionths > 1 || '.repeat(5_000)} true };`;
    expect(await offered(policy(endless))).toBe('request.malformed');
    const { olivia, omar, oskar } = alpha.charter.members;
    const permit = policy(`@quorum("transfer.PAYMENT") permit ${SCOPE};`, null);
    expect(await offered(permit, { initiator: olivia, approvers: [omar, oskar] })).toBe('approval.not-eligible');
    expect(await asked()).toEqual(both('accepted'));
  });

  it('takes no other policy under the id of one that was removed, and the removed one as it was', async () => {
    const text = `forbid ${SCOPE} when { context.amountMillionths >= 600 };`;
    await handOver(policy(text));
    const id = drill();
    await handOver(remove());
    expect(await offered(policy(text.replace('600', '900'), 'alpha', id))).toBe('charter.id-taken');
    expect(await offered(policy(text, null, id))).toBe('charter.id-taken');
    await handOver(policy(text, 'alpha', id));
    expect(await asked()).toEqual(both('policy.forbidden'));
    await handOver(remove(id));
  });

  it('is not brought down by a policy that nests deeper than anybody reads', async () => {
    const nests = ['!'.repeat(3_800) + 'true', `${'('.repeat(1_900)}true${')'.repeat(1_900)}`, '['.repeat(3_000)];
    for (const nest of nests) expect(await offered(policy(`forbid ${SCOPE} when { ${nest} };`))).toBe('policy.invalid');
    expect(await asked()).toEqual(both('accepted'));
  });

  it('takes no draft with a counter-example, and none without its proof, from a whole quorum that colludes', async () => {
    for (const [owner, text] of [
      [null, WIDE],
      ['alpha', `@quorum("transfer.PAYMENT") permit ${SCOPE} when { context.amountMillionths == 600 };`],
    ] as const) {
      const entry = alpha.charter.entry(policy(text, owner));
      for (const signer of [alpha.a, alpha.b]) {
        const answer = await signer.pushEntries([entry]);
        expect([codeOf(answer), factsOf(answer)]).toMatchObject(['policy.counter-example', { claim: 'walls' }]);
        const transfer = JSON.parse(factsOf(answer)['transfer'] ?? '{}') as Record<string, unknown>;
        expect(transfer['destinationClass']).toMatch(/MANAGED_(HOUSE|CLIENT)/);
      }
    }
    const cleverer = 'context.purpose == Purpose::"PAYMENT" && context.amountMillionths < context.feeMillionths * 9';
    const opaque = `@quorum("transfer.PAYMENT") permit ${SCOPE} when { ${cleverer} };`;
    expect(await offered(policy(opaque))).toMatch(/^policy\.(counter-example|not-proven)$/);
    const honest = `context.destination.owner == resource.owner && ${cleverer}`;
    expect(await offered(policy(`@quorum("transfer.PAYMENT") permit ${SCOPE} when { ${honest} };`))).toBe(
      'policy.not-proven',
    );
    expect(await asked()).toEqual(both('accepted'));
  });

  it('takes no quorum that nobody could meet together with that of a policy, from a whole quorum that colludes', async () => {
    const own = 'context.purpose == Purpose::"PAYMENT" && context.destination.owner == resource.owner';
    await handOver(policy(`@quorum("asset.list") permit ${SCOPE} when { ${own} };`));
    const quorum = { initiators: ['compliance'], anyOf: [[{ group: 'operator', threshold: 1 }]] };
    const locked: Act = { kind: 'quorum.set', governed: 'asset.list', quorum };
    const glass: Act = { kind: 'break-glass', act: locked, reason: 'a drill' };
    for (const act of [locked, glass]) {
      const answer = await alpha.a.pushEntries([alpha.charter.entry(act)]);
      expect([codeOf(answer), factsOf(answer)]).toMatchObject([
        'policy.counter-example',
        { claim: 'reachable-quorum' },
      ]);
    }
    expect(await asked()).toEqual(both('accepted'));
    await handOver(remove());
  });

  it('believes no price and no travel-rule status that is stale, forged or of another transfer', async () => {
    const [ticker, mallory] = [makeMember('ticker', 'attestor'), makeMember('mallory', 'attestor')];
    await handOver({ kind: 'member.enrol', member: publicPart(ticker) });
    const guard = (id: string, condition: string): Promise<void> =>
      handOver(policy(`forbid ${SCOPE} when { ${condition} };`, 'alpha', id));
    await guard('dear', 'context has amountReference && context.amountReference > 7000');
    await guard('travel', 'context has travelRule && context.travelRule != TravelRule::"ACCEPTED"');
    const { firm } = alpha.charter;
    const request = alpha.request(alpha.honest());
    const about = { intent: intentDigest(request.intent), status: 'ACCEPTED' as const };
    const [price, dear] = ['100000000000', '200000000000'].map((priceMicros) => ({ asset: BTC, priceMicros }));
    const accepted = attestTravelRule(ticker, firm, about);
    const ask = async (...attestations: Attestation[]): Promise<string> =>
      codeOf(await alpha.a.signTransfer({ ...request, attestations } satisfies TransferRequest));
    const told = (terms: object = {}, by = ticker) => attestPrice(by, firm, price!, terms);
    // an orchestrator that leaves one out gains nothing
    expect([await ask(), await ask(accepted), await ask(told())]).toEqual(new Array(3).fill('policy.error'));
    expect(await ask(accepted, attestPrice(ticker, firm, dear!))).toBe('policy.forbidden');
    expect(await ask(accepted, told({ at: instant(-600_000) }))).toBe('attestation.stale');
    expect(await ask(accepted, told({ attestor: 'ticker', key: 'ticker-1' }, mallory))).toBe(
      'attestation.bad-signature',
    );
    expect(await ask(accepted, told({}, mallory))).toBe('attestation.unknown-attestor');
    expect(await ask(accepted, told({}, alpha.charter.members.carla))).toBe('attestation.unknown-attestor');
    const others = { ...about, intent: intentDigest(alpha.request(alpha.honest()).intent) };
    expect(await ask(attestTravelRule(ticker, firm, others), told())).toBe('attestation.mismatch');
    expect(await ask(accepted, told())).toBe('accepted');
    for (const id of ['dear', 'travel']) await handOver(remove(id));
  });

  it('signs nothing at all once no policy permits it', async () => {
    await handOver(remove('payment'));
    expect(await asked()).toEqual(both('policy.denied'));
  });
});
