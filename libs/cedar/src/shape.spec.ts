import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { SOUND } from '../test/sound-request.js';
import { entity, type PolicyRequest } from './request.js';
import { POLICY_SCHEMA } from './schema.js';
import { wrongFact } from './shape.js';

/** What Cedar itself says. */
function isValid(request: PolicyRequest): boolean {
  const answer = isAuthorized({
    ...request,
    schema: POLICY_SCHEMA,
    validateRequest: true,
    policies: { staticPolicies: { all: 'permit (principal, action, resource);' } },
  });
  return answer.type === 'success';
}

/** Every place in a value: the ways to it. */
function placesIn(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...at]];
  return [[...at], ...Object.entries(value).flatMap(([name, part]) => placesIn(part, [...at, name]))];
}

type Box = Record<string, unknown>;

/** A copy with something else at one place, or nothing. */
function changed(value: unknown, [name, ...rest]: readonly string[], by: unknown): unknown {
  if (name === undefined) return by;
  if (Array.isArray(value)) {
    return (value as unknown[]).map((part, index) =>
      String(index) === name ? (changed(part, rest, by) ?? null) : part,
    );
  }
  const entries = Object.entries(value as Box).map(([key, part]) => [
    key,
    key === name ? changed(part, rest, by) : part,
  ]);
  return Object.fromEntries(entries.filter(([, part]) => part !== undefined)) as Box;
}

describe('facts', () => {
  it('are as in the schema or not, exactly as Cedar’s own validation has it', () => {
    expect([wrongFact(SOUND), isValid(SOUND)]).toEqual([undefined, true]);
    const places = [
      ...placesIn(SOUND.context).map((place) => ['context', ...place]),
      ...placesIn(SOUND.entities).map((place) => ['entities', ...place]),
    ].filter(
      (place) =>
        place.length > 1 && !/^entities\.\d$/.test(place.join('.')) && !['uid', 'parents'].includes(place.at(-1) ?? ''),
    );
    const others = fc.constantFrom<unknown>(
      undefined,
      7,
      1.5,
      2 ** 60,
      'text',
      true,
      null,
      [],
      {},
      entity('Owner', 'beta'),
      entity('Purpose', 'GIFT'),
      entity('Purpose', 'TEST_PAYMENT'),
      { __entity: { type: 'Planet', id: 'mars' } },
      [entity('Estate', 'CLIENT')],
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), others, (place, other) => {
        const request = changed(SOUND, place, other) as PolicyRequest;
        // a whole number that JavaScript does not hold exactly is one to Cedar, and none to us
        if (other === 2 ** 60) expect(wrongFact(request)).toBeDefined();
        else expect([place, other, wrongFact(request) === undefined]).toEqual([place, other, isValid(request)]);
      }),
      { numRuns: 400 },
    );
  });

  it('refuse when one is added that the schema does not know', () => {
    for (const place of ['context', 'destination'] as const) {
      const context =
        place === 'context'
          ? { ...SOUND.context, colour: 'red' }
          : { ...SOUND.context, destination: { ...(SOUND.context['destination'] as object), colour: 'red' } };
      const request = { ...SOUND, context } as PolicyRequest;
      expect([wrongFact(request)?.endsWith('colour'), isValid(request)]).toEqual([true, false]);
    }
  });
});
