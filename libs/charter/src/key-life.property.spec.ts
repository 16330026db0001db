import fc from 'fast-check';
import { CharterBuilder, instant } from '../../../test/support/charter-builder.js';
import { openFirm } from '../../../test/support/custody-firm.js';
import { SIGNER_RECORDS, threeKeys } from '../../../test/support/wallets.js';
import { activeKey, applyAct, keyLife, type Act, type CharterState, type KeyState, type Wallet } from './index.js';

const AT = instant();
const STEPS: Readonly<Record<string, readonly string[]>> = {
  ACTIVE: ['ACTIVE', 'SUSPENDED', 'RETIRED'],
  SUSPENDED: ['SUSPENDED', 'ACTIVE', 'RETIRED'],
  RETIRED: ['RETIRED', 'DESTROYED'],
  DESTROYED: ['DESTROYED'],
};

/** One key after the other: what the model says of each, kept apart from the charter. */
type Model = Map<string, KeyState>;

describe('any acts on keys, signers and freezes, in any order', () => {
  let start: CharterState;
  let wallets: readonly Wallet[];
  let acts: fc.Arbitrary<Act>;

  beforeAll(async () => {
    const charter = CharterBuilder.start(SIGNER_RECORDS);
    const custody = await openFirm(charter, threeKeys);
    start = charter.state;
    wallets = [custody.bitcoin.alpha, custody.safes.alpha, custody.gasPayer];
    const keys = wallets.flatMap(({ id, keys: own }) => own.map((key) => ({ wallet: id, ...key })));
    const ids = fc.constantFrom(...wallets.map(({ id }) => id));
    acts = fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .tuple(fc.constantFrom(...keys), fc.constantFrom('key.suspend', 'key.activate', 'key.retire', 'key.destroy'))
          .map(([key, kind]) => ({ kind, ...key, ...(/suspend|retire/.test(kind) && { reason: 'x' }) }) as Act),
      },
      fc.constantFrom(...start.signers.keys()).map((signer): Act => ({ kind: 'signer.retire', signer })),
      ids.map((wallet): Act => ({ kind: 'freeze', scope: { of: 'wallet', wallet }, reason: 'x' })),
      ids.map((wallet): Act => ({ kind: 'unfreeze', scope: { of: 'wallet', wallet } })),
    );
  });

  const modelOf = (state: CharterState): Model =>
    new Map(
      wallets.flatMap(({ id, keys }) =>
        keys.map((key) => [key.publicKey, keyLife(state, { wallet: id, ...key })?.state ?? 'PRE_ACTIVE']),
      ),
    );
  const canSign = (state: CharterState, { id, keys }: Wallet): number =>
    keys.filter(
      (key) =>
        keyLife(state, { wallet: id, ...key })?.state === 'ACTIVE' && state.signers.get(key.signer)?.retired === false,
    ).length;

  it('move each key along its life only, never back from where it ended, and take no unfrozen wallet’s quorum for good', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(acts, { minLength: 1, maxLength: 30 }), (sequence) => {
        let state = start;
        for (const act of sequence) {
          const next = applyAct(state, act, AT);
          if (!next.ok) continue;
          accepted += 1;
          const [before, after] = [modelOf(state), modelOf(next.value)];
          for (const [key, was] of before) expect(STEPS[was]).toContain(after.get(key));
          const changed = [...before].filter(([key, was]) => after.get(key) !== was);
          expect(changed.length).toBeLessThanOrEqual(1);
          for (const wallet of wallets) {
            const needed = wallet.kind === 'gas-payer' ? 1 : wallet.threshold;
            const lost = canSign(state, wallet) >= needed && canSign(next.value, wallet) < needed;
            // only a suspension, which can be undone, or the giving up of a wallet that is frozen
            if (lost) expect(act.kind === 'key.suspend' || state.frozen.has(`wallet:${wallet.id}`)).toBe(true);
            if (lost) expect(act.kind).not.toBe('signer.retire');
            for (const { signer, publicKey } of wallet.keys)
              expect(activeKey(next.value, wallet, signer).ok).toBe(after.get(publicKey) === 'ACTIVE');
          }
          state = next.value;
        }
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});
