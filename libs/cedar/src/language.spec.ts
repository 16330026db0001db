import { readFileSync } from 'node:fs';
import { SOUND } from '../test/sound-request.js';
import {
  DEFAULT_POLICIES,
  formatPolicy,
  matchPolicies,
  MAX_POLICY_LENGTH,
  parsePolicy,
  POLICY_SCHEMA,
} from './index.js';

const published = (name: string): string =>
  readFileSync(new URL(`../../../docs/policies/${name}`, import.meta.url), 'utf8');
const problemOf = (text: string): string => {
  const rule = parsePolicy(text);
  return rule.ok ? 'accepted' : `${rule.refusal.code}: ${rule.refusal.facts['problem'] ?? ''}`;
};
const permit = (condition: string): string =>
  `@quorum("transfer.PAYMENT") permit (principal, action == Action::"transfer", resource) when { ${condition} };`;

describe('what is published in docs/policies', () => {
  it('is the schema that policies are held against', () => {
    expect(POLICY_SCHEMA).toBe(published('bulkhead.cedarschema'));
  });

  it.each(Object.entries(DEFAULT_POLICIES))(
    'is the first policy %s, in its one layout, and it can be enacted',
    (id, text) => {
      expect(text).toBe(published(`${id}.cedar`));
      expect(formatPolicy(text)).toEqual({ ok: true, value: text });
      expect(problemOf(text)).toBe('accepted');
    },
  );
});

describe('a policy', () => {
  it('says its effect, its quorum and what it is for', () => {
    const rule = parsePolicy(`@description("small ones") ${permit('context.amountMillionths < 5')}`);
    expect(rule).toMatchObject({
      ok: true,
      value: { effect: 'permit', quorum: 'transfer.PAYMENT', description: 'small ones' },
    });
  });

  it.each([
    ['a fact that there is not', permit('context.amonut < 5'), 'amonut'],
    ['a wrong type', permit('context.amountMillionths < "5"'), 'type'],
    ['a purpose that there is not', permit('context.purpose == Purpose::"PAYMENTS"'), 'PAYMENTS'],
    ['a fact that may be missing, unguarded', permit('context.destination.ageSeconds > 5'), 'ageSeconds'],
    ['an action that there is not', permit('true').replace('"transfer"', '"sign"'), 'sign'],
    ['what can never apply', permit('context.amountExact == "1" && false'), 'impossible'],
    ['two policies', `${permit('true')} ${permit('true')}`, 'exactly one'],
    ['none', '// nothing', 'exactly one'],
    ['a template', permit('true').replace('(principal,', '(principal == ?principal,'), 'template'],
    ['no Cedar at all', 'allow everything', 'unexpected token'],
    ['a permit without a quorum', permit('true').slice('@quorum("transfer.PAYMENT") '.length), 'names its quorum'],
    ['a forbid with one', permit('true').replace('permit', 'forbid'), 'no quorum'],
    ['an annotation that means nothing', `@unless("asked") ${permit('true')}`, 'Unknown annotation'],
    ['a number that is not exact in JavaScript', permit('context.amountMillionths < 9007199254740993'), 'beyond'],
    ['a number beyond 64 bits', permit('context.amountMillionths < 99999999999999999999'), 'too large'],
    ['more than a person reads', permit(`"${'x'.repeat(MAX_POLICY_LENGTH)}" == "x"`), 'characters'],
  ])('is refused with %s', (_what, text, why) => {
    expect(problemOf(text)).toContain('policy.invalid');
    expect(problemOf(text)).toContain(why);
  });

  it('may ask for a fact that can be missing, once it has made sure of it', () => {
    expect(problemOf(permit('context.destination has ageSeconds && context.destination.ageSeconds > 5'))).toBe(
      'accepted',
    );
  });

  it('that nests deeper than anybody reads is refused, and Cedar is none the worse for it', () => {
    const nests: readonly ((times: number) => string)[] = [
      (times) => `${'!'.repeat(times)}true`,
      (times) => `${'('.repeat(times)}true${')'.repeat(times)}`,
      (times) => `${'['.repeat(times)}${']'.repeat(times)} == [1]`,
      (times) => '['.repeat(times),
      (times) => `${'{a:'.repeat(times)}1${'}'.repeat(times)} == 1`,
      (times) => `${'1<2&&'.repeat(times)}true`,
      (times) => `${'1>2||'.repeat(times)}true`,
      (times) => `1${'+1'.repeat(times)}>1`,
      (times) => `1${'*1'.repeat(times)}>1`,
      (times) => `context${'.a'.repeat(times)}`,
      (times) => `context${'["a"]'.repeat(times)}`,
      (times) => `${'if true then true else '.repeat(times)}true`,
      (times) => `context.inputOwners${'.contains(1)'.repeat(times)}`,
      (times) => `${'-'.repeat(times)}1 > 2`,
    ];
    for (const [index, nest] of nests.entries()) {
      for (const times of [60, 150, 300, 700, 1_850]) {
        const text = permit(nest(times));
        const said = problemOf(text);
        if (times > 150)
          expect([index, times, said]).toEqual([index, times, expect.stringContaining('policy.invalid')]);
        formatPolicy(text);
        const asked = said === 'accepted' ? text : permit(`context.feeMillionths < ${index * 10_000 + times}`);
        expect(matchPolicies({ texts: new Map([['one', asked]]) }, SOUND).ok).toBe(true);
      }
    }
  });

  it('may be as long as a person still reads', () => {
    const terms = Array.from({ length: 60 }, (_each, index) => `context.amountMillionths == ${index}`);
    expect(problemOf(permit(terms.join(' || ')))).toBe('accepted');
  });
});
