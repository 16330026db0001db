import type { CharterState } from '@bulkhead/charter';
import { accepted, refused } from '@bulkhead/intent';
import { CharterBuilder } from '../../../../../test/support/charter-builder.js';
import { openFirm } from '../../../../../test/support/custody-firm.js';
import { keyAct } from '../../../../../test/support/key-acts.js';
import { quorumKey, SIGNER_RECORDS, threeKeys } from '../../../../../test/support/wallets.js';
import type { HeldKey, SignerKeys } from '../../signers/answers.js';
import { mergeInventory, type InventoryKey } from './merge-inventory.js';

const SERIAL = 'feedfacecafebeef';
let charter: CharterBuilder;
let wallet: { readonly id: string; readonly keys: { signer: string; publicKey: string }[] };
beforeEach(async () => {
  charter = CharterBuilder.start(
    SIGNER_RECORDS.map((signer) => (signer.id === 'signer-a' ? { ...signer, tokenSerial: SERIAL } : signer)),
  );
  ({
    bitcoin: { alpha: wallet },
  } = await openFirm(charter, threeKeys));
});

const held = (publicKey: string, changes: Partial<HeldKey> = {}): HeldKey => ({
  keyClass: 'QUORUM',
  label: wallet.id,
  wallet: wallet.id,
  publicKey,
  state: 'ACTIVE',
  inToken: true,
  attributes: {},
  problem: null,
  isRecorded: true,
  createdAt: null,
  destroyedAt: null,
  lastUsedAt: null,
  uses: 0,
  ...changes,
});
const report = (signer: string, keys: HeldKey[], serial = SERIAL): SignerKeys => ({
  signer,
  holder: null,
  place: null,
  token: { label: signer, serial, manufacturer: 'a maker', model: 'a model' },
  keys,
});
const own = (signer = 'signer-a'): string => wallet.keys.find((key) => key.signer === signer)?.publicKey ?? '';
/** What the inventory says of signer-a's key of the wallet, and of what its token has besides. */
function merged(keys: HeldKey[], now = new Date(), state: CharterState = charter.state, serial = SERIAL) {
  const answers = [{ signer: 'signer-a', result: { ok: true, value: report('signer-a', keys, serial) } as const }];
  const all = mergeInventory(state, answers, now).keys.filter(({ signer }) => signer === 'signer-a');
  const isNamed = (key: InventoryKey) => key.publicKey === own();
  const others = all.filter(({ publicKey }) => !state.publicKeys.has(publicKey ?? ''));
  return { key: all.find(isNamed), others };
}

describe('the inventory', () => {
  it('has nothing to say of a key that is where the charter says', () => {
    expect(merged([held(own())]).key).toMatchObject({ state: 'ACTIVE', differences: [], isReviewOverdue: false });
  });

  it.each<[string, () => HeldKey[], string[]]>([
    ['that the token lacks', () => [], ['NOT_IN_TOKEN']],
    ['that the token has another of', () => [held(own('signer-b'))], ['OTHER_KEY_IN_TOKEN']],
    [
      'that the token holds unsafely',
      () => [held(own(), { publicKey: null, problem: 'keys.attributes-wrong' })],
      ['ATTRIBUTES_WRONG'],
    ],
    ['that its signer thinks of otherwise', () => [held(own(), { state: 'SUSPENDED' })], ['STATE_DIFFERS']],
  ])('names a key of the charter %s', (_what, keys, differences) => {
    expect(merged(keys()).key?.differences).toEqual(differences);
  });

  it('names a key that should be destroyed and is still there', () => {
    charter.append(keyAct(wallet, 'key.retire', 'signer-a'));
    const { intent } = charter.append(keyAct(wallet, 'key.destroy', 'signer-a'));
    const enactedAt = new Date(Date.now() + 3_601_000).toISOString();
    const expiresAt = new Date(Date.now() + 7_200_000).toISOString();
    charter.append(
      { kind: 'pending.enact', intent: intent.id },
      { enactedAt, intent: { expiresAt }, statementsExpireAt: expiresAt },
    );
    const state = 'DESTROYED';
    expect(merged([held(own(), { state })]).key).toMatchObject({ state, differences: ['STILL_IN_TOKEN'] });
    expect(merged([held(own(), { state, inToken: false })]).key).toMatchObject({ differences: [], nextReviewAt: null });
  });

  it('names what a token has and nobody knows, and not what is made for a wallet to come', () => {
    const stranger = held(`02${'ab'.repeat(32)}`, { keyClass: 'UNKNOWN', label: 'x', wallet: null, state: null });
    const early = held(`02${'cd'.repeat(32)}`, { label: 'next', wallet: 'next', state: 'PRE_ACTIVE' });
    const seal = held('', { publicKey: null, keyClass: 'SEAL', label: 'frost/x/0', state: null });
    const { others } = merged([held(own()), stranger, early, seal]);
    expect(others.map(({ label, differences }) => [label, differences])).toEqual([
      ['x', ['UNKNOWN_KEY']],
      ['next', []],
      ['frost/x/0', []],
    ]);
  });

  it('names another token than the charter’s, and a signer that does not answer', () => {
    expect(merged([held(own())], new Date(), charter.state, '0000000000000000').key?.differences).toEqual([
      'OTHER_TOKEN',
    ]);
    const { keys, silent } = mergeInventory(
      charter.state,
      [{ signer: 'signer-a', result: refused('signer.timeout', 'It is late.') }],
      new Date(),
    );
    expect(silent).toMatchObject([{ signer: 'signer-a', refusal: { code: 'signer.timeout' } }]);
    expect(keys.find(({ publicKey }) => publicKey === own())).toMatchObject({
      state: 'ACTIVE',
      inToken: null,
      differences: ['NOT_REPORTED'],
    });
  });

  it('flags keys that were not looked at for as long as the rules say, until they are', () => {
    const days = (count: number) => new Date(Date.now() + count * 86_400_000);
    expect(merged([held(own())], days(364)).key?.isReviewOverdue).toBe(false);
    expect(merged([held(own())], days(366)).key?.isReviewOverdue).toBe(true);
    charter.append({ kind: 'rules.set', rules: { ...charter.state.rules, keyReviewDays: 30 } });
    expect(merged([held(own())], days(31)).key?.isReviewOverdue).toBe(true);
    charter.append({ kind: 'key.review', wallet: wallet.id, note: 'seen' });
    expect(merged([held(own())], days(29)).key?.isReviewOverdue).toBe(false);
  });

  it('knows a key of the genesis ceremony, in the token and under the name that it was made in', () => {
    const { publicKey } = quorumKey('signer-a', 'house-btc-of-the-ceremony');
    const stranger = held(publicKey, { keyClass: 'UNKNOWN', label: 'house-btc', wallet: null, state: null });
    const made = { signer: 'signer-a', wallet: 'house-btc', publicKey };
    const told = (keys: readonly (typeof made)[]) =>
      mergeInventory(
        charter.state,
        [{ signer: 'signer-a', result: accepted(report('signer-a', [stranger])) }],
        new Date(),
        keys,
      ).keys.find((key) => key.publicKey === publicKey);
    expect(told([made])).toMatchObject({
      keyClass: 'QUORUM',
      wallet: 'house-btc',
      state: 'PRE_ACTIVE',
      differences: [],
    });
    for (const other of [{ signer: 'signer-b' }, { wallet: 'alpha-btc' }, { publicKey: own() }])
      expect(told([{ ...made, ...other }])).toMatchObject({ keyClass: 'UNKNOWN', differences: ['UNKNOWN_KEY'] });
  });
});
