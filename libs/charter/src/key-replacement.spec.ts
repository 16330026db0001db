import { ownerAddress, SENTINEL_OWNER } from '@bulkhead/ethereum';
import { orThrow } from '@bulkhead/intent';
import fc from 'fast-check';
import { CharterBuilder } from '../../../test/support/charter-builder.js';
import { ending, enrol, firmOfFive, replacement, safeOf } from '../../../test/support/key-replacements.js';
import { quorumKey } from '../../../test/support/wallets.js';
import type { Act } from './acts.js';
import { activeKey, keyLife } from './key-life.js';
import { ownerSets, permittedSwap, signingKeys } from './key-replacement.js';
import { applyEntry } from './reducer.js';
import type { CharterState } from './state.js';

type Replace = Extract<Act, { kind: 'wallet.replace-key' }>;

/** What the reducer says to one act. */
function codeOf(firm: CharterBuilder, act: Act): string {
  const result = applyEntry(firm.state, firm.entry(act));
  return result.ok ? 'accepted' : result.refusal.code;
}
const signersOf = (state: CharterState, id = 'alpha-safe'): string[] =>
  signingKeys(state, safeOf(state, id)).map(({ signer }) => signer);

describe('replacing the key of a Safe', () => {
  it('leaves the wallet to those that stay until the swap is done, and then to them and the new one', () => {
    const firm = firmOfFive();
    const { address } = safeOf(firm.state);
    firm.append(replacement('signer-b', 'signer-d'));
    expect(signersOf(firm.state)).toEqual(['signer-a', 'signer-c']);
    expect(safeOf(firm.state).keys.map(({ signer }) => signer)).toEqual(['signer-a', 'signer-b', 'signer-c']);
    firm.append(ending(firm.state));
    expect(signersOf(firm.state)).toEqual(['signer-a', 'signer-d', 'signer-c']);
    expect(safeOf(firm.state).address).toBe(address);
    expect(firm.state.replacements.size).toBe(0);
    expect(firm.state.formerKeys.get('alpha-safe')!.map(({ keys }) => keys.map(({ signer }) => signer))).toEqual([
      ['signer-a', 'signer-b', 'signer-c'],
    ]);
  });

  it('permits one swap, to the last argument, and says which owners the chain may show', () => {
    const firm = firmOfFive();
    const [a, b, c] = safeOf(firm.state).keys.map(({ publicKey }) => ownerAddress(publicKey));
    expect(permittedSwap(firm.state, safeOf(firm.state))).toMatchObject({
      refusal: { code: 'charter.no-replacement' },
    });
    const act = replacement('signer-b', 'signer-d');
    const d = ownerAddress(act.key.publicKey);
    firm.append(act);
    const swap = { previous: a, retiring: b, incoming: d };
    expect(permittedSwap(firm.state, safeOf(firm.state))).toEqual({ ok: true, value: swap });
    expect(ownerSets(firm.state, safeOf(firm.state))).toEqual([
      [a, b, c],
      [a, d, c],
    ]);
    firm.append(ending(firm.state));
    firm.append(replacement('signer-a', 'signer-b', { label: 'another key of b' }));
    expect(orThrow(permittedSwap(firm.state, safeOf(firm.state))).previous).toBe(SENTINEL_OWNER);
  });

  it('concerns its own wallet only', () => {
    const firm = firmOfFive();
    firm.append(replacement('signer-b', 'signer-d'));
    expect(signersOf(firm.state, 'beta-safe')).toEqual(['signer-a', 'signer-b', 'signer-c']);
    expect(codeOf(firm, replacement('signer-b', 'signer-d', { wallet: 'beta-safe' }))).toBe('accepted');
  });

  it.each<[string, Replace, string]>([
    [
      'of a wallet that there is not',
      { ...replacement('signer-b', 'signer-d'), wallet: 'gamma-safe' },
      'charter.unknown-wallet',
    ],
    ['of a Bitcoin wallet', { ...replacement('signer-b', 'signer-d'), wallet: 'alpha-btc' }, 'charter.act-not-allowed'],
    ['of a signer without a key of it', replacement('signer-e', 'signer-d'), 'charter.unknown-signer'],
    ['by a signer that there is not', replacement('signer-b', 'signer-x'), 'charter.unknown-signer'],
    [
      'by a signer that has a key of it',
      replacement('signer-b', 'signer-c', { label: 'other' }),
      'charter.keys-share-signer',
    ],
    ['by the signer itself', replacement('signer-b', 'signer-b', { label: 'other' }), 'charter.keys-share-signer'],
    [
      'by a key of another wallet',
      {
        ...replacement('signer-b', 'signer-d'),
        key: { signer: 'signer-d', publicKey: quorumKey('signer-a', 'beta-btc').publicKey },
      },
      'charter.public-key-reused',
    ],
    [
      'by a key that was proven for another Safe',
      { ...replacement('signer-b', 'signer-d', { wallet: 'beta-safe' }), wallet: 'alpha-safe' },
      'keys.signature-invalid',
    ],
    [
      'by a key that nobody has shown to hold',
      { ...replacement('signer-b', 'signer-d'), key: replacement('signer-b', 'signer-d', { label: 'other' }).key },
      'keys.signature-invalid',
    ],
  ])('is refused %s', (_, act, code) => {
    expect(codeOf(firmOfFive(), act)).toBe(code);
  });

  it('is refused to a signer that is retired, or whose token nobody has named', () => {
    const firm = firmOfFive();
    firm.append({ kind: 'signer.retire', signer: 'signer-d' });
    firm.append(enrol('signer-f'));
    expect(codeOf(firm, replacement('signer-b', 'signer-d'))).toBe('charter.signer-retired');
    expect(codeOf(firm, replacement('signer-b', 'signer-f'))).toBe('charter.token-unknown');
  });

  it('is refused where those that remain could not sign the swap', () => {
    const firm = firmOfFive();
    for (const act of [replacement('signer-b', 'signer-d'), { kind: 'signer.retire', signer: 'signer-b' }] as const)
      expect(codeOf(firm, act)).toBe('accepted');
    firm.append({ kind: 'signer.retire', signer: 'signer-b' });
    expect(codeOf(firm, replacement('signer-a', 'signer-d'))).toBe('charter.quorum-unreachable');
    expect(codeOf(firm, replacement('signer-b', 'signer-d'))).toBe('accepted');
  });

  it('is one at a time, and its keys are taken for ever', () => {
    const firm = firmOfFive();
    firm.append(replacement('signer-b', 'signer-d'));
    expect(codeOf(firm, replacement('signer-c', 'signer-e'))).toBe('charter.replacement-under-way');
    const { key } = replacement('signer-b', 'signer-d');
    expect(firm.state.publicKeys.get(key.publicKey)).toBe('alpha-safe');
    firm.append(ending(firm.state));
    expect(codeOf(firm, replacement('signer-d', 'signer-b'))).toBe('charter.public-key-reused');
    expect(codeOf(firm, replacement('signer-d', 'signer-b', { label: 'fresh' }))).toBe('accepted');
  });

  it('keeps in service who it waits for, and those that alone can sign', () => {
    const firm = firmOfFive();
    firm.append(replacement('signer-b', 'signer-d'));
    expect(codeOf(firm, { kind: 'signer.retire', signer: 'signer-d' })).toBe('charter.replacement-under-way');
    expect(codeOf(firm, { kind: 'signer.retire', signer: 'signer-a' })).toBe('charter.quorum-unreachable');
  });

  it('ends with evidence of the very swap, and only while one is under way', () => {
    const firm = firmOfFive();
    firm.append(replacement('signer-b', 'signer-d'));
    const right = ending(firm.state);
    expect(codeOf(firm, { ...right, nonce: '8' })).toBe('charter.no-replacement');
    expect(codeOf(firm, { ...right, nonce: '-1' })).toBe('charter.no-replacement');
    expect(codeOf(firm, { ...right, safeTxHash: `0x${'00'.repeat(32)}` })).toBe('charter.no-replacement');
    expect(codeOf(firm, { ...right, wallet: 'beta-safe' })).toBe('charter.no-replacement');
    expect(codeOf(firm, right)).toBe('accepted');
    firm.append(right);
    expect(codeOf(firm, right)).toBe('charter.no-replacement');
  });

  it('has a quorum of its own with compliance in it, and waits where the rules say so', () => {
    const waiting = firmOfFive({ rules: { delaySeconds: { 'wallet.replace-key': 3_600 } } });
    const entry = waiting.append(replacement('signer-b', 'signer-d'));
    expect(waiting.state.pending.has(entry.intent.id)).toBe(true);
    expect(waiting.state.replacements.size).toBe(0);
    expect(signersOf(waiting.state)).toContain('signer-b');
    const operators = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] };
    for (const governed of ['wallet.replace-key', 'wallet.key-replaced'] as const) {
      expect(codeOf(firmOfFive(), { kind: 'quorum.set', governed, quorum: operators })).toBe('charter.duties-mixed');
    }
  });

  it('never gives a wallet fewer keys, two of one signer, or a key that another wallet has', () => {
    const signers = ['signer-a', 'signer-b', 'signer-c', 'signer-d', 'signer-e'];
    const step = fc.oneof(
      fc.record({
        what: fc.constant('replace' as const),
        wallet: fc.constantFrom('alpha-safe', 'beta-safe'),
        retiring: fc.constantFrom(...signers),
        incoming: fc.constantFrom(...signers),
        label: fc.constantFrom('one', 'two', 'three'),
      }),
      fc.record({ what: fc.constant('end' as const), wallet: fc.constantFrom('alpha-safe', 'beta-safe') }),
      fc.record({ what: fc.constant('retire' as const), signer: fc.constantFrom(...signers) }),
    );
    const start = firmOfFive();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const firm = CharterBuilder.fork(start);
        for (const one of steps) {
          const act = actOf(firm.state, one);
          if (act && codeOf(firm, act) === 'accepted') firm.append(act);
          const keys = ['alpha-safe', 'beta-safe'].flatMap((id) => {
            const wallet = safeOf(firm.state, id);
            expect(wallet.keys).toHaveLength(3);
            expect(new Set(wallet.keys.map(({ signer }) => signer)).size).toBe(3);
            const live = signersOf(firm.state, id).filter((signer) => !firm.state.signers.get(signer)!.retired);
            expect(live.length).toBeGreaterThanOrEqual(wallet.threshold);
            return wallet.keys.map(({ publicKey }) => publicKey);
          });
          expect(new Set(keys).size).toBe(6);
        }
      }),
      { numRuns: 15 },
    );
  });
});

type Step =
  | { what: 'replace'; wallet: string; retiring: string; incoming: string; label: string }
  | { what: 'end'; wallet: string }
  | { what: 'retire'; signer: string };

function actOf(state: CharterState, step: Step): Act | undefined {
  if (step.what === 'replace') {
    const { retiring, incoming, wallet, label } = step;
    return replacement(retiring, incoming, { wallet, label });
  }
  if (step.what === 'retire') return { kind: 'signer.retire', signer: step.signer };
  const { ok } = permittedSwap(state, safeOf(state, step.wallet));
  return ok ? ending(state, 1n, step.wallet) : undefined;
}

describe('the life of the keys that are exchanged', () => {
  it('begins for the one when it is the wallet’s, and ends for the other: it can be destroyed then', () => {
    const firm = firmOfFive();
    const act = replacement('signer-b', 'signer-d');
    const wallet = safeOf(firm.state);
    const former = { wallet: wallet.id, ...wallet.keys.find(({ signer }) => signer === 'signer-b')! };
    const incoming = { wallet: wallet.id, ...act.key };
    firm.append(act);
    expect(keyLife(firm.state, incoming)).toBeUndefined();
    for (const signer of ['signer-b', 'signer-d'])
      expect(activeKey(firm.state, wallet, signer)).toMatchObject({ refusal: { code: 'signer.wrong-wallet' } });
    firm.append(ending(firm.state));
    expect(keyLife(firm.state, incoming)?.state).toBe('ACTIVE');
    expect(keyLife(firm.state, former)?.state).toBe('RETIRED');
    expect(codeOf(firm, { kind: 'key.destroy', ...former })).toBe('accepted');
    expect(codeOf(firm, { kind: 'key.activate', ...former })).toBe('charter.key-state');
  });

  it('counts: what stays must be active, and what is retired later is weighed without the one that goes', () => {
    const firm = firmOfFive();
    const wallet = safeOf(firm.state);
    const key = (signer: string) => ({ wallet: wallet.id, ...wallet.keys.find((one) => one.signer === signer)! });
    const reason = 'a drill';
    const other = CharterBuilder.fork(firm);
    firm.append({ kind: 'key.suspend', ...key('signer-a'), reason });
    expect(codeOf(firm, replacement('signer-b', 'signer-d'))).toBe('charter.quorum-unreachable');
    // the suspended one itself can go
    expect(codeOf(firm, replacement('signer-a', 'signer-d'))).toBe('accepted');
    other.append(replacement('signer-b', 'signer-d'));
    expect(codeOf(other, { kind: 'key.retire', ...key('signer-a'), reason })).toBe('charter.quorum-unreachable');
    expect(codeOf(other, { kind: 'key.retire', ...key('signer-b'), reason })).toBe('accepted');
  });
});
