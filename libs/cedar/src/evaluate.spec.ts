import { SOUND } from '../test/sound-request.js';
import { matchPolicies, MOST_EVALUATION_MS, type PolicySlice } from './evaluate.js';

const HEAD = '(principal, action == Action::"transfer", resource)';
const slice = (texts: Readonly<Record<string, string>>): PolicySlice => ({ texts: new Map(Object.entries(texts)) });
const USUAL = slice({
  amount: `@quorum("transfer.PAYMENT") permit ${HEAD} when { context.amountMillionths > 0 };`,
  chain: `forbid ${HEAD} when { context.chain == "none" };`,
  whole: `forbid ${HEAD} when { context.destination.looksLikeKnown && context.destination.testPaid };`,
});
const without = (fact: string) => {
  const context = Object.fromEntries(Object.entries(SOUND.context).filter(([name]) => name !== fact));
  return { ...SOUND, context };
};
const factsOf = (answer: ReturnType<typeof matchPolicies>) => (answer.ok ? 'accepted' : answer.refusal.facts);

describe('a doubt about policies is a no that names the policy at fault', () => {
  it('is no doubt where every fact is there', () => {
    expect(matchPolicies(USUAL, SOUND)).toEqual({ ok: true, value: { permits: ['amount'], forbids: [] } });
  });

  it('names whoever reads a fact that is missing or of another type', () => {
    expect(factsOf(matchPolicies(USUAL, without('amountMillionths')))).toMatchObject({ policy: 'amount' });
    const mistyped = { ...SOUND, context: { ...SOUND.context, chain: 5 } };
    expect(factsOf(matchPolicies(USUAL, mistyped))).toMatchObject({ policy: 'chain' });
    expect(factsOf(matchPolicies(USUAL, without('destination')))).toMatchObject({ policy: 'whole' });
  });

  it('names all where an unknown fact is read by none of them', () => {
    const unknown = { ...SOUND, context: { ...SOUND.context, colour: 'red' } };
    expect(factsOf(matchPolicies(USUAL, unknown))).toMatchObject({ policy: 'amount, chain, whole' });
  });

  it('names the slowest when they take longer than they may, whatever they say', () => {
    // the whole slice takes too long; of the policies by themselves the second does
    const spans = [MOST_EVALUATION_MS + 1, 5, 900, 7];
    let now = 0;
    let reading = 0;
    const clock = () => (reading++ % 2 === 0 ? now : (now += spans.shift() ?? 0));
    expect(factsOf(matchPolicies(USUAL, SOUND, clock))).toEqual({
      policy: 'chain',
      problem: 'it took longer than 1000 ms',
    });
    expect(matchPolicies(USUAL, SOUND, () => 0).ok).toBe(true);
  });
});
