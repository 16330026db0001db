import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { verifyDecision, type TransferRequest } from '@bulkhead/policy';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { codeAt, knock } from '../support/doors.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(180_000); // real processes on a busy machine

const LIMIT = 5;
const MOST_TRIES = 60;
let alpha: AlphaPayments;
let pairs: (readonly [SignerClient, SignerClient])[];
beforeAll(async () => {
  alpha = await AlphaPayments.start({ three: true });
  const { a, b, c } = alpha;
  pairs = [
    [a, b],
    [b, c],
    [c, a],
  ];
  const text = `forbid (principal, action == Action::"transfer", resource)
    when { context.velocity.wallet.day.count > ${LIMIT} };`;
  const entry = alpha.charter.append({ kind: 'policy.set', id: 'few-a-day', text, owner: 'alpha', wallet: null });
  for (const id of SIGNER_NAMES) {
    const answer = await knock(alpha.processes, id, 'POST', '/v1/charter/entries', { entries: [entry] });
    expect(codeAt(answer)).toBe('accepted');
  }
});
afterAll(() => alpha.processes.stop());

const payment = () => alpha.request(alpha.honest());
/** What a signer says in the end, asked again for as long as it says "not now". */
async function persist(signer: SignerClient, request: TransferRequest): Promise<string> {
  for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
    const code = codeOf(await signer.signTransfer(request));
    if (code !== 'signer.contended') return code;
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 400));
  }
  return 'signer.contended';
}
/** Whether both of a pair have signed: then the transfer can be sent. */
async function completes(pair: readonly SignerClient[], request: TransferRequest): Promise<boolean> {
  const codes = await Promise.all(pair.map((signer) => persist(signer, request)));
  expect(codes.filter((code) => !['accepted', 'policy.forbidden', 'signer.contended'].includes(code))).toEqual([]);
  return codes.every((code) => code === 'accepted');
}

describe('a velocity limit of the charter', () => {
  const completed: TransferRequest[] = [];

  it('is reached, and never passed, by 20 transfers that race for it over rotating pairs of signers', async () => {
    const requests = Array.from({ length: 20 }, payment);
    const done = await Promise.all(requests.map((request, position) => completes(pairs[position % 3]!, request)));
    completed.push(...requests.filter((_request, position) => done[position]));
    expect(completed).toHaveLength(LIMIT);
  });

  it('is not stretched by going on with another pair, one transfer after another', async () => {
    for (const pair of pairs) expect(await completes(pair, payment())).toBe(false);
  });

  it('is not stretched by a signer that was away, or that has been started again', async () => {
    await alpha.processes.stack.part('signer-b').restart();
    for (const signer of [alpha.b, alpha.a]) expect(await persist(signer, payment())).toBe('policy.forbidden');
  });

  it('counts a transfer once, however often and by whomever it is asked for', async () => {
    const [first] = completed;
    for (const signer of [alpha.a, alpha.b, alpha.c]) expect(await persist(signer, first!)).toBe('accepted');
    expect(await completes(pairs[0]!, payment())).toBe(false);
  });

  it('stands in the signed record of each decision that rested on it, a yes and a no', async () => {
    const { b, charter } = alpha;
    const named = charter.state.genesis.signers.find(({ id }) => id === 'signer-b')!;
    const recordOf = async (request: TransferRequest) => {
      await persist(b, request);
      const answer = await b.signTransfer(request);
      const decision = answer.ok ? answer.value.decision : answer.decision;
      if (!decision) throw new Error('no decision record');
      return orThrow(verifyDecision(decision, named));
    };
    // the transfer itself is not among what was spent before it
    const others = (LIMIT - 1) * 60_000;
    expect(await recordOf(completed[0]!)).toMatchObject({
      decision: 'SIGN',
      facts: {
        policies: 'payment',
        'velocity.wallet': `day ${others}/${LIMIT - 1}`,
        testPaid: 'false',
      },
    });
    expect(await recordOf(payment())).toMatchObject({
      decision: 'REFUSE',
      code: 'policy.forbidden',
      facts: { policies: 'few-a-day', 'velocity.wallet': `day ${others + 60_000}/${LIMIT}` },
    });
  });

  it('holds with one signer down, for each of the two others', async () => {
    await alpha.processes.stack.part('signer-a').stop();
    expect(await persist(alpha.b, payment())).toBe('policy.forbidden');
    expect(await persist(alpha.c, payment())).toBe('policy.forbidden');
    await alpha.processes.stack.part('signer-a').start();
  });
});
