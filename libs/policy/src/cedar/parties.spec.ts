import { orThrow, type Payload } from '@bulkhead/intent';
import { instant, type TransferWish } from '../../../../test/support/charter-builder.js';
import {
  alphaPays,
  BTC_WISH,
  ETH_WISH,
  firm,
  firmWith,
  input,
  psbt,
  safePays,
} from '../../../../test/support/usual-transfers.js';
import { addressAt } from '../../../../test/support/wallets.js';
import { checkIntent, checkInvariants, decideTransfer, NO_HISTORY, partiesOf } from '../index.js';

const HOUSE = addressAt(firm, 'house-btc', 0);
const INVOICE: TransferWish = { ...BTC_WISH, to: HOUSE, purpose: 'FEE_INVOICE' };
const ALPHA = addressAt(firm, 'alpha-btc', 0);
const RESTITUTION: TransferWish = {
  ...BTC_WISH,
  owner: 'house',
  wallet: 'house-btc',
  to: ALPHA,
  purpose: 'RESTITUTION',
};

function checkedOf(wish: TransferWish, payload: Payload) {
  const { intent, proposal } = firm.transferRequest(wish, payload);
  return orThrow(checkInvariants(firm.state, orThrow(checkIntent(firm.state, intent, proposal, instant())), payload));
}
function partiesIn(wish: TransferWish, payload: Payload) {
  const { inputs, outputs, change, feePayer } = orThrow(partiesOf(firm.state, checkedOf(wish, payload)));
  const named = (owners: typeof inputs) => owners.map(({ id, estate }) => `${id} ${estate}`);
  return [named(inputs), named(outputs), named(change), named(feePayer ? [feePayer] : [])];
}

describe('the owners and estates of every input, output, change and fee payer', () => {
  it('are those of the decoded bytes', () => {
    const alpha = ['alpha CLIENT'];
    expect(partiesIn(BTC_WISH, alphaPays())).toEqual([alpha, alpha, alpha, alpha]);
    expect(partiesIn(INVOICE, alphaPays(HOUSE))).toEqual([alpha, ['alpha CLIENT', 'house HOUSE'], alpha, alpha]);
    const house = ['house HOUSE'];
    const whole = psbt([input('house-btc', 0, 61_000n)], [ALPHA, 60_000n]);
    expect(partiesIn(RESTITUTION, whole)).toEqual([house, alpha, [], house]);
    // the house’s gas payer pays for a Safe
    expect(partiesIn(ETH_WISH, safePays(ETH_WISH.to))).toEqual([alpha, alpha, [], house]);
  });

  it('leave no place without an owner', () => {
    const checked = checkedOf(BTC_WISH, alphaPays());
    const { facts, verdict } = checked;
    const stray = { ...facts.outputs[0]!, address: 'mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8' };
    for (const changed of [
      { facts: { ...facts, outputs: [...facts.outputs, stray] } },
      { facts: { ...facts, sources: [{ resource: 'coin', address: stray.address }] } },
      { verdict: { ...verdict, change: [stray] } },
    ])
      expect(partiesOf(firm.state, { ...checked, ...changed })).toMatchObject({ refusal: { code: 'policy.error' } });
  });

  it.each([
    ['an invoice', 'context.outputEstates.contains(Estate::"HOUSE")', INVOICE, alphaPays(HOUSE)],
    ['an invoice', 'context.outputOwners.contains(Owner::"house")', INVOICE, alphaPays(HOUSE)],
    ['change', 'context.changeEstates.contains(Estate::"CLIENT")', BTC_WISH, alphaPays()],
    ['coins of a client', 'context.inputEstates != [Estate::"HOUSE"]', BTC_WISH, alphaPays()],
    ['a Safe', 'context has feePayer && context.feePayer.estate == Estate::"HOUSE"', ETH_WISH, safePays(ETH_WISH.to)],
  ])('can forbid %s: %s', (_name, condition, wish, payload) => {
    const guarded = firmWith();
    const scope = '(principal, action == Action::"transfer", resource)';
    const text = `forbid ${scope} when { ${condition} };`;
    const decided = () => decideTransfer(guarded.state, guarded.transferRequest(wish, payload), instant(), NO_HISTORY);
    expect(decided()).toMatchObject({ ok: true });
    guarded.append({ kind: 'policy.set', id: 'guard', text, owner: null, wallet: null });
    expect(decided()).toMatchObject({ refusal: { code: 'policy.forbidden', facts: { policies: 'guard' } } });
    // alpha pays all that there is: no change, and nobody but its own destination
    const spare = decideTransfer(
      guarded.state,
      guarded.transferRequest({ ...BTC_WISH, amount: '99000' }, psbt([input('alpha-btc')], [BTC_WISH.to, 99_000n])),
      instant(),
      NO_HISTORY,
    );
    expect(spare.ok).toBe(!condition.includes('inputEstates'));
  });
});
