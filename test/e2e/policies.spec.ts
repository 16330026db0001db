/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { entryHash, type Act, type Policy } from '@bulkhead/charter';
import type { BackTest, Explanation, Proof } from '@bulkhead/policy';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { proposeShown } from '../../apps/cli/src/operator/charter-commands.js';
import { runBackTest } from '../../apps/cli/src/operator/policy-back-test.js';
import { sayProof } from '../../apps/cli/src/operator/policy-commands.js';
import { actBack } from '../../apps/cli/src/operator/policy-versions.js';
import type { Session } from '../../apps/cli/src/operator/session.js';
import { readGenesis } from '../../apps/cli/src/setup/genesis.js';
import { attestPrice } from '../support/attestors.js';
import { Bulkhead } from '../support/bulkhead.js';
import { bulkheadCli } from '../support/bulkhead-cli.js';
import { problemOf } from '../support/http-caller.js';
import { instant, makeMember, publicPart } from '../support/members.js';

jest.setTimeout(180_000); // real processes on a busy machine

const SCOPE = '(principal, action == Action::"transfer", resource)';
const COINS = 8;
let bulkhead: Bulkhead;
let wish: TransferWish;
let first: TransferView;
let session: Session;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  const scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', new Array<bigint>(COINS).fill(200_000n));
  const { cast, stack } = bulkhead;
  wish = {
    owner: 'alpha',
    wallet: 'alpha-btc',
    asset: cast.btc,
    to: scene.alphaBitcoinDestination,
    amount: 100_000n,
    maxFee: 20_000n,
  };
  first = await bulkhead.propose(wish);
  session = { device: cast.carla, client: cast.client, assets: [], firm: entryHash(readGenesis(stack.layout.genesis)) };
}, 180_000);
afterAll(() => bulkhead.stop());

const draftOf = (text: string, id = 'draft', owner: string | null = 'alpha'): Policy => ({
  id,
  text,
  owner,
  wallet: null,
});
const forbid = (condition: string, id = 'draft'): Policy => draftOf(`forbid ${SCOPE} when { ${condition} };\n`, id);
const permit = (condition: string): Policy =>
  draftOf(`@quorum("transfer.PAYMENT") permit ${SCOPE} when { ${condition} };\n`);
/** The whole of the asset: 100 000 sat are 1 000 millionths. */
const OVER_A_DAY = (millionths: number) => `context.velocity.client.day.amountMillionths > ${millionths}`;

async function ask<T>(path: string, body: unknown): Promise<T> {
  const answer = await bulkhead.http.call('POST', path, { body });
  expect([path, answer.status, answer.text.slice(0, 300)]).toEqual([path, 200, expect.any(String)]);
  return JSON.parse(answer.text) as T;
}
const set = (policy: Policy): Act => ({ kind: 'policy.set', ...policy });
/** Compliance writes, an operator confirms. */
async function enact(act: Act): Promise<void> {
  const { client, carla, omar } = bulkhead.cast;
  await client.enact(act, carla, [omar], 'alpha');
}
/** What the API says to a transfer: its state, or the problem. */
async function proposed(attestations?: readonly unknown[], changes: Partial<TransferWish> = {}) {
  const { client, olivia } = bulkhead.cast;
  const signed = await client.signIntent(olivia, { ...wish, ...changes });
  const answer = await bulkhead.http.call('POST', '/v1/transfers', {
    body: { ...signed, ...(attestations && { attestations }) },
    headers: { 'idempotency-key': signed.intent.id },
  });
  if (answer.status >= 400) {
    const { code, facts } = problemOf(answer);
    return { code, facts };
  }
  return JSON.parse(answer.text) as TransferView;
}
const cancel = (view: unknown) => bulkhead.cast.client.cancelTransfer(bulkhead.cast.olivia, view as TransferView);
/** What a command prints. */
async function printed(run: () => Promise<unknown>): Promise<string> {
  const lines: string[] = [];
  const spy = jest.spyOn(console, 'log').mockImplementation((line: unknown) => lines.push(String(line)));
  try {
    await run();
  } finally {
    spy.mockRestore();
  }
  return lines.join('\n');
}

describe('a draft', () => {
  it('is laid out, compared, looked over and proven before anybody proposes it', async () => {
    const draft = draftOf(`forbid ${SCOPE} when {context.symbol=="ETH"&&${OVER_A_DAY(3_000)}};`);
    const report = await ask<{ formatted: string; diff: { sign: string }[]; findings: unknown[]; proof: Proof }>(
      '/v1/policies/checks',
      draft,
    );
    expect(report.formatted).toContain(
      'context.symbol == "ETH" && context.velocity.client.day.amountMillionths > 3000',
    );
    expect(report.diff.every(({ sign }) => sign === '+')).toBe(true);
    expect(report).toMatchObject({ findings: [], proof: { proven: true, notCovered: [] } });
  });

  it('with a counter-example is shown as a concrete transfer, and cannot be proposed', async () => {
    const hole = permit('context.amountMillionths == 4321 && context.symbol == "ETH"');
    const { proof } = await ask<{ proof: Proof }>('/v1/policies/checks', hole);
    expect(proof.counterExamples[0]).toMatchObject({
      claim: 'walls',
      policies: ['draft'],
      transfer: { owner: 'alpha', destinationClass: 'MANAGED_HOUSE', symbol: 'ETH', amountMillionths: 4321 },
    });
    const said = sayProof({ proof, formatted: '', diff: [], findings: [] });
    expect(said.lines.join('\n')).toMatch(/walls: .*\n(.*\n)*.*amountMillionths: 4321/);
    await expect(enact(set(hole))).rejects.toThrow('policy.counter-example');
  });

  it('that cannot be proven is refused, unless it is a forbid that is added', async () => {
    const computed = 'context.amountMillionths + context.feeMillionths < 5000';
    const inside = `${computed} && context.destination.owner == resource.owner && context.purpose == Purpose::"PAYMENT"`;
    await expect(enact(set(permit(inside)))).rejects.toThrow('policy.not-proven');
    await enact(set(forbid(`context.amountMillionths + context.feeMillionths > 900000`, 'computed')));
    await enact({ kind: 'policy.remove', id: 'computed' });
  });

  it('is tried on the transfers of the last days, and every decision that changes is listed', async () => {
    const test = (condition: string) =>
      ask<BackTest & { next: unknown; total: number }>('/v1/policies/back-tests', {
        draft: forbid(condition),
        days: 2,
      });
    expect(await test('context.amountMillionths > 1000')).toMatchObject({ considered: 1, changes: [], next: null });
    const { changes } = await test(OVER_A_DAY(999));
    expect(changes).toMatchObject([
      {
        transfer: first.id,
        amount: '100000',
        before: { decision: 'PERMIT', policies: ['payment'], quorums: ['transfer.PAYMENT'] },
        after: { decision: 'DENY', code: 'policy.forbidden', facts: { policies: 'draft' } },
      },
    ]);
    const text = await printed(() => runBackTest(session, forbid(OVER_A_DAY(999)), '2'));
    expect(text).toContain('with draft: denied: policy.forbidden policies=draft');
    expect(text).toContain('1 of 1 decisions of the last 2 days would change.');
  });
});

describe('a draft that removes a policy', () => {
  it('is compared, proven and tried like any other', async () => {
    const removal = { id: 'payment', remove: true };
    const report = await ask<{ formatted: string; diff: { sign: string }[]; findings: unknown[]; proof: Proof }>(
      '/v1/policies/checks',
      removal,
    );
    expect(report).toMatchObject({ formatted: '', findings: [], proof: { proven: true } });
    expect(report.diff.length).toBeGreaterThan(5);
    expect(report.diff.every(({ sign }) => sign === '-')).toBe(true);
    const { changes } = await ask<BackTest>('/v1/policies/back-tests', { draft: removal, days: 2 });
    expect(changes).toMatchObject([{ transfer: first.id, after: { decision: 'DENY', code: 'policy.denied' } }]);
    const unknown = await bulkhead.http.call('POST', '/v1/policies/checks', { body: { ...removal, id: 'nowhere' } });
    expect(problemOf(unknown).code).toBe('charter.unknown-policy');
    const both = await bulkhead.http.call('POST', '/v1/policies/checks', { body: { ...forbid('true'), remove: true } });
    expect(problemOf(both).code).toBe('request.malformed');
  });

  it('differs from what is in force by its meaning’s layout only, however that was typed', async () => {
    const typed = `forbid ${SCOPE} when {context.symbol=="ETH"   &&true};`;
    await enact(set(draftOf(typed, 'typed')));
    const { diff } = await ask<{ diff: { sign: string }[] }>('/v1/policies/checks', draftOf(typed, 'typed'));
    expect(
      diff
        .map(({ sign }) => sign)
        .join('')
        .trim(),
    ).toBe('');
    await enact({ kind: 'policy.remove', id: 'typed' });
    await expect(enact(set(forbid('context.symbol == "BTC"', 'typed')))).rejects.toThrow('charter.id-taken');
  });
});

describe('a transfer that a policy refused', () => {
  it('is explained as of then, and tried again by a draft that would permit it', async () => {
    await enact(set(forbid('context.amountMillionths > 500', 'stop')));
    expect(await proposed()).toMatchObject({ code: 'policy.forbidden', facts: { policies: 'stop' } });
    const [refused] = await bulkhead.get<TransferView[]>('/v1/transfers?state=REFUSED');
    const { id } = refused!;
    const explained = await bulkhead.get<Explanation>(`/v1/transfers/${id}/policies`);
    expect(explained.missing).toMatchObject({ code: 'policy.forbidden' });
    expect(explained.policies).toContainEqual(
      expect.objectContaining({ id: 'stop', answer: 'MATCHES', reads: { 'context.amountMillionths': 1_000 } }),
    );
    const looser = { draft: forbid('context.amountMillionths > 5000', 'stop'), days: 2 };
    const { changes } = await ask<BackTest>('/v1/policies/back-tests', looser);
    expect(changes.find(({ transfer }) => transfer === id)).toMatchObject({
      before: { decision: 'DENY', code: 'policy.forbidden' },
      after: { decision: 'PERMIT', policies: ['payment'] },
    });
    await enact({ kind: 'policy.remove', id: 'stop' });
  });
});

describe('a limit over a day', () => {
  it('holds from its enactment on: what was reserved before counts, and the signers agree', async () => {
    await enact(set(forbid(OVER_A_DAY(3_000))));
    const [second, third] = [await proposed(), await proposed()];
    expect([second, third]).toMatchObject([{ state: 'PENDING_APPROVAL' }, { state: 'PENDING_APPROVAL' }]);
    expect(await proposed()).toMatchObject({ code: 'policy.forbidden', facts: { policies: 'draft' } });
    const explained = await bulkhead.get<Explanation>(`/v1/transfers/${first.id}/policies`);
    expect(explained.facts.context).toMatchObject({
      velocity: { client: { day: { amountMillionths: 3_000, count: 3 } }, destination: { hour: { count: 3 } } },
    });
    // what is called off is free again
    await cancel(third);
    await cancel(await proposed());
    await cancel(second);
    await bulkhead.approve(first);
    await bulkhead.untilState(first.id, 'SETTLED', { mining: true });
    expect(await proposed(undefined, { amount: 200_001n })).toMatchObject({ code: 'policy.forbidden' });
  });

  it('is rolled back by a new entry: first to no text, then to the one before', async () => {
    await enact(set(forbid(OVER_A_DAY(2_000))));
    const back = await actBack(session, 'draft', undefined);
    expect(back).toMatchObject({ kind: 'policy.set', text: forbid(OVER_A_DAY(3_000)).text });
    const said = await printed(() => proposeShown(session, back, {}));
    expect(said).toContain('policy.set');
    const [intent] = await bulkhead.cast.client.charterIntents(bulkhead.cast.carla);
    expect(intent).toMatchObject({ status: 'PENDING_APPROVAL', intent: { act: back } });
    const { status } = await bulkhead.cast.client.approveAct(bulkhead.cast.omar, intent!);
    expect(status).toBe('ENACTED');
    const inForce = await bulkhead.get<Policy[]>('/v1/policies');
    expect(inForce.find(({ id }) => id === 'draft')?.text).toBe(forbid(OVER_A_DAY(3_000)).text);
    expect(await actBack(session, 'draft', '0')).toEqual({ kind: 'policy.remove', id: 'draft' });
    await enact({ kind: 'policy.remove', id: 'draft' });
    await expect(actBack(session, 'draft', '0')).rejects.toThrow('not in force');
  });
});

describe('an attested price', () => {
  const ticker = makeMember('ticker', 'attestor');
  const dollars = (terms: object = {}) =>
    attestPrice(ticker, session.firm, { asset: wish.asset, priceMicros: '100000000000' }, terms);

  it('decides where a policy asks for it, and only while it is fresh', async () => {
    await bulkhead.cast.enact({ kind: 'member.enrol', member: publicPart(ticker) });
    await enact(set(forbid('context has amountReference && context.amountReference > 15000', 'dear')));
    expect(await proposed()).toMatchObject({ code: 'policy.error', facts: { fact: 'context.amountReference' } });
    expect(await proposed([dollars({ at: instant(-400_000) })])).toMatchObject({ code: 'attestation.stale' });
    expect(await proposed([dollars()], { amount: 160_000n })).toMatchObject({ code: 'policy.forbidden' });
    const view = (await proposed([dollars()])) as TransferView;
    expect(view).toMatchObject({ state: 'PENDING_APPROVAL' });
    const newer = await bulkhead.http.call('PUT', `/v1/transfers/${view.id}/attestations`, {
      body: { attestations: [dollars()] },
    });
    expect(newer.status).toBe(200);
    const forged = { ...dollars(), signature: { scheme: 'p256', value: '00'.repeat(64) } };
    const refused = await bulkhead.http.call('PUT', `/v1/transfers/${view.id}/attestations`, {
      body: { attestations: [forged] },
    });
    expect(problemOf(refused).code).toBe('attestation.bad-signature');
    const explained = await bulkhead.get<Explanation>(`/v1/transfers/${view.id}/policies`);
    expect(explained.facts.context).toMatchObject({ amountReference: 10_000 });
    await bulkhead.approve(view);
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
  });
});

describe('the command line', () => {
  it('validates, formats, proves, back-tests, submits and explains, with an exit status that says whether to go on', async () => {
    const { root } = bulkhead.stack;
    const [good, bad] = ['good', 'bad'].map((name) => join(root, `${name}.cedar`));
    writeFileSync(good!, forbid('context.amountMillionths > 900000').text);
    writeFileSync(bad!, permit('context.amountMillionths == 4321').text);
    const policy = (...words: readonly string[]) => bulkheadCli(root, 'policy', ...words);
    const about = ['--id', 'from-a-file', '--owner', 'alpha'];
    const runs: readonly [readonly string[], number, RegExp][] = [
      [['validate', good!], 0, /a valid forbid/],
      [['format', good!], 0, /^forbid \(/],
      [['diff', good!, ...about], 0, /^\+ forbid/],
      [['lint', good!, ...about], 0, /Nothing odd/],
      [['prove', good!, ...about], 0, /Proven: \d+ combinations/],
      [['prove', bad!, ...about], 1, /walls: .*\n(.*\n)*.*amountMillionths: 4321\n(.*\n)*There is a counter-example/],
      [['submit', bad!, ...about, '--approve', 'omar'], 1, /policy\.counter-example/],
      [['back-test', good!, ...about, '--days', '1'], 0, /0 of \d+ decisions of the last 1 days would change/],
      [['submit', good!, ...about, '--approve', 'omar'], 0, /is ENACTED/],
      [['rollback', 'from-a-file', '--approve', 'omar'], 0, /policy\.remove(.*\n)*.*is ENACTED/],
      [['rollback', 'from-a-file', '--approve', 'omar'], 0, /policy\.set(.*\n)*.*is ENACTED/],
      [['diff', '--remove', '--id', 'from-a-file'], 0, /^- forbid/],
      [['lint', '--remove', '--id', 'from-a-file'], 0, /Nothing odd/],
      [['prove', '--remove', '--id', 'payment'], 0, /Proven: \d+ combinations/],
      [['back-test', '--remove', '--id', 'payment', '--days', '1'], 1, /with draft: denied: policy\.denied/],
      [['prove', good!, '--remove', '--id', 'payment'], 1, /and not both/],
      [['submit', '--remove', '--id', 'from-a-file', '--approve', 'omar'], 0, /policy\.remove(.*\n)*.*is ENACTED/],
      [['explain', first.id], 0, /velocity\.client\.day\.amountMillionths: 1000\n(.*\n)*MATCHES +permit +payment/],
    ];
    for (const [words, status, says] of runs) {
      const answer = await policy(...words);
      const said = answer.output + answer.error;
      expect([words, answer.status, said]).toEqual([words, status, expect.stringMatching(says)]);
    }
  });
});
