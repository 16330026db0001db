import { randomUUID } from 'node:crypto';
import { REGTEST, type Result } from '@bulkhead/intent';
import fc from 'fast-check';
import { ANVIL, CharterBuilder } from '../../../test/support/charter-builder.js';
import {
  addressAt,
  bitcoinWallet,
  gasPayer,
  OUTSIDE,
  safeAddress,
  safeWallet,
  SIGNER_RECORDS,
  TOKEN,
  usualFirm,
} from '../../../test/support/wallets.js';
import type { Act } from './acts.js';
import type { CharterEntry } from './entry.js';
import { applyEntry } from './reducer.js';
import { directoryOf, type CharterState } from './state.js';

const usual = usualFirm();
/** Small, so that acts often meet: the same owners, wallets and addresses again and again. */
const OWNERS = ['house', 'alpha', 'beta', 'gamma'];
const BITCOIN = [OUTSIDE.bitcoin, addressAt(usual, 'alpha-btc', 0), addressAt(usual, 'beta-btc', 1, 1)];
const EVM = [
  OUTSIDE.ethereum,
  OUTSIDE.otherEthereum,
  safeAddress(usual, 'alpha-safe'),
  safeAddress(usual, 'beta-safe'),
];

const owner = fc.constantFrom(...OWNERS);
const place = fc.oneof(
  fc.record({ chain: fc.constant(REGTEST), address: fc.constantFrom(...BITCOIN) }),
  fc.record({ chain: fc.constant(ANVIL), address: fc.constantFrom(...EVM) }),
);
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  owner.map((id): Act => ({ kind: id === 'house' ? 'house.open' : 'client.open', owner: { id, name: id } })),
  fc.constantFrom<Act>(
    { kind: 'asset.list', asset: { id: `${REGTEST}/slip44:0`, symbol: 'BTC', decimals: 8 } },
    { kind: 'asset.list', asset: { id: TOKEN, symbol: 'TST', decimals: 6 } },
  ),
  fc.tuple(owner, fc.boolean()).map(([id, safe]): Act => ({
    kind: 'wallet.open',
    wallet: safe ? safeWallet(`${id}-safe`, id) : bitcoinWallet(`${id}-btc`, id),
  })),
  fc.constant<Act>({ kind: 'wallet.open', wallet: gasPayer('house-gas', 'house') }),
  fc.tuple(owner, place).map(([id, where]): Act => ({
    kind: 'destination.approve',
    id: randomUUID(),
    owner: id,
    label: 'somebody',
    ...where,
  })),
  place.map((where): Act => ({ kind: 'proprietary-address.declare', owner: 'house', label: 'exchange', ...where })),
);
/** Owners come first, so that later acts have somebody to be about. */
const histories = fc
  .array(anyAct, { minLength: 5, maxLength: 15 })
  .map((acts): Act[] => [
    { kind: 'house.open', owner: { id: 'house', name: 'house' } },
    { kind: 'client.open', owner: { id: 'alpha', name: 'alpha' } },
    { kind: 'client.open', owner: { id: 'beta', name: 'beta' } },
    ...acts,
  ]);

/** All that a state says, in one order. */
const saying = (state: CharterState): string =>
  JSON.stringify(
    [
      state.heads,
      state.intents,
      state.owners,
      state.wallets,
      state.assets,
      state.addresses,
      state.destinations,
      state.destinationIds,
      state.publicKeys,
      state.resharings,
    ].map((part) => [...part.toKeyedSeq().entries()].map((entry) => JSON.stringify(entry)).sort()),
  );

interface History {
  readonly entries: readonly CharterEntry[];
  readonly states: readonly CharterState[];
  /** What each state said at the time. */
  readonly said: readonly string[];
}
/** Plays acts, keeping what the reducer accepts. */
function play(acts: readonly Act[]): History {
  const builder = CharterBuilder.start(SIGNER_RECORDS);
  const states = [builder.state];
  for (const act of acts) {
    if (!applyEntry(builder.state, builder.entry(act)).ok) continue;
    builder.append(act);
    states.push(builder.state);
  }
  return { entries: builder.entries, states, said: states.map(saying) };
}

/** A replica that gets the entries as bytes, as over the wire. */
const replay = (entries: readonly CharterEntry[]): CharterState => {
  let state: CharterState | undefined;
  for (const entry of entries) {
    const result: Result<CharterState> = applyEntry(state, JSON.parse(JSON.stringify(entry)));
    if (!result.ok) throw new Error(result.refusal.code);
    state = result.value;
  }
  return state!;
};

describe('over any history of acts', () => {
  it('two replicas come to the same heads, addresses and destinations', () => {
    let longest = 0;
    fc.assert(
      fc.property(histories, (acts) => {
        const { entries, said } = play(acts);
        longest = Math.max(longest, entries.length);
        expect(saying(replay(entries))).toBe(said.at(-1));
      }),
      { numRuns: 25 },
    );
    expect(longest).toBeGreaterThan(8);
  });

  it('no address is both managed and a destination, and each keeps the owner that it got first', () => {
    fc.assert(
      fc.property(histories, (acts) => {
        const { states } = play(acts);
        const last = states.at(-1)!;
        for (const key of last.destinations.keys()) expect(last.addresses.has(key)).toBe(false);
        for (const state of states)
          for (const [key, managed] of state.addresses) expect(last.addresses.get(key)).toEqual(managed);
        for (const managed of last.addresses.values())
          expect(managed.estate).toBe(last.owners.get(managed.owner)?.estate);
      }),
      { numRuns: 25 },
    );
  });

  it('a state that was given out never changes', () => {
    fc.assert(
      fc.property(histories, (acts) => {
        const { states, said } = play(acts);
        expect(states.map(saying)).toEqual(said);
      }),
      { numRuns: 25 },
    );
  });

  it('no entry can be played again, left out, or changed places with the next on its chain', () => {
    fc.assert(
      fc.property(histories, fc.nat(), (acts, at) => {
        const { entries, states } = play(acts);
        const position = 1 + (at % (entries.length - 1));
        const last = states.at(-1)!;
        for (const entry of entries) expect(applyEntry(last, entry).ok).toBe(false);
        const { chain } = entries[position]!.intent;
        const next = entries.slice(position + 1).find(({ intent }) => intent.chain === chain);
        if (next) expect(applyEntry(states[position - 1], next).ok).toBe(false);
      }),
      { numRuns: 25 },
    );
  });
});

describe('entries of two clients', () => {
  it('on one firm head may come in either order', () => {
    const openOfAlpha = usual.entry({ kind: 'wallet.open', wallet: bitcoinWallet('alpha-2', 'alpha') });
    const openOfBeta = usual.entry({ kind: 'wallet.open', wallet: safeWallet('beta-2', 'beta') });
    const play2 = (first: CharterEntry, second: CharterEntry): string => {
      const one = applyEntry(usual.state, first);
      const two = one.ok ? applyEntry(one.value, second) : one;
      return two.ok ? saying(two.value) : two.refusal.code;
    };
    expect(play2(openOfAlpha, openOfBeta)).toBe(play2(openOfBeta, openOfAlpha));
    expect(play2(openOfAlpha, openOfBeta).length).toBeGreaterThan(100);
  });
});

type Path = readonly (string | number)[];
const leaves = (value: unknown, path: Path = []): Path[] =>
  typeof value === 'object' && value !== null
    ? [path, ...Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))]
    : [path];
const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);
function replaced(value: unknown, path: Path, by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}
/** The nearest other value: one more, or one character changed. */
function nearMiss(value: unknown, seed: number): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value !== 'string' || value === '') return 'x';
  const position = seed % value.length;
  const other = value[position] === '0' ? '1' : '0';
  return value.slice(0, position) + other + value.slice(position + 1);
}

describe('an entry of which anything was changed', () => {
  const candidates = [
    usual.entry({ kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } }),
    usual.entry({ kind: 'wallet.open', wallet: bitcoinWallet('alpha-2', 'alpha') }),
    usual.entry({ kind: 'wallet.open', wallet: safeWallet('alpha-3', 'alpha') }),
    usual.entry({
      kind: 'destination.approve',
      id: randomUUID(),
      owner: 'beta',
      chain: REGTEST,
      address: OUTSIDE.bitcoin,
      label: 'somebody',
    }),
  ];
  // when it was enacted is not signed: approvals only must not have expired then
  const changes = candidates.flatMap((entry) =>
    leaves(entry)
      .filter(([first]) => first !== undefined && first !== 'enactedAt')
      .map((path) => ({ entry, path })),
  );

  it('is accepted as it was', () => {
    for (const entry of candidates) expect(applyEntry(usual.state, entry).ok).toBe(true);
  });

  it('is refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...changes), fc.nat(200), fc.jsonValue(), ({ entry, path }, seed, wild) => {
        const now = at(entry, path);
        for (const by of [nearMiss(now, seed), wild, undefined]) {
          if (JSON.stringify(by) === JSON.stringify(now)) continue;
          expect(applyEntry(usual.state, replaced(entry, path, by)).ok).toBe(false);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('is refused with a field added anywhere', () => {
    for (const entry of candidates) {
      const objects = leaves(entry).filter((path) => {
        const value = at(entry, path);
        return typeof value === 'object' && value !== null && !Array.isArray(value);
      });
      for (const path of objects) {
        const more = { ...(at(entry, path) as object), note: 'more' };
        expect(applyEntry(usual.state, replaced(entry, path, more)).ok).toBe(false);
      }
    }
  });

  it('leaves the state as it was', () => {
    const before = saying(usual.state);
    for (const entry of candidates) applyEntry(usual.state, { ...entry, approvals: [] });
    expect(saying(usual.state)).toBe(before);
    expect(directoryOf(usual.state).isDestination('beta', REGTEST, OUTSIDE.bitcoin)).toBe(false);
  });
});
