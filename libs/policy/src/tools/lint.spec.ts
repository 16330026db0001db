import type { Act } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { instant } from '../../../../test/support/charter-builder.js';
import { firmWith } from '../../../../test/support/usual-transfers.js';
import { lintDraft, type PolicyAct } from '../index.js';

const SCOPE = '(principal, action == Action::"transfer", resource)';
const OWN = 'context.purpose == Purpose::"PAYMENT" && context.destination.owner == resource.owner';
const firm = firmWith();
const draft = (text: string): Extract<Act, { kind: 'policy.set' }> => ({
  kind: 'policy.set',
  id: 'draft',
  text,
  owner: null,
  wallet: null,
});
const permit = (condition: string) => draft(`@quorum("transfer.PAYMENT") permit ${SCOPE} when { ${condition} };`);
const forbid = (condition: string) => draft(`forbid ${SCOPE} when { ${condition} };`);

describe('lint', () => {
  const findings = (act: PolicyAct, by = firm) => orThrow(lintDraft(by.state, act, instant()));
  const kinds = (act: PolicyAct, by = firm) => findings(act, by).map(({ kind }) => kind);

  it('finds what can never match, what is overruled, and what is said twice', () => {
    expect(kinds(permit(OWN))).toEqual([]);
    expect(kinds(permit('context.amountMillionths < 5 && context.amountMillionths > 9'))).toEqual(['never-matches']);
    const own = firm.state.policies.get('payment')!;
    expect(kinds({ kind: 'policy.set', ...own, id: 'again' })).toEqual(['repeats']);
    const stopped = firmWith();
    stopped.append({ ...forbid('context.symbol == "ETH"'), id: 'no-ether' });
    const found = findings(permit('context.symbol == "ETH"'), stopped);
    expect(found).toMatchObject([{ kind: 'shadowed', says: expect.stringContaining('no-ether') }]);
  });

  it('judges by what would be in force: the draft counts, and what it replaces does not', () => {
    const stopped = firmWith();
    stopped.append(forbid('context.symbol == "ETH"'));
    // under the id of the forbid: in its place
    expect(kinds(permit('context.symbol == "ETH" && context.destination.owner == resource.owner'), stopped)).toEqual(
      [],
    );
    expect(kinds({ kind: 'policy.remove', id: 'draft' }, stopped)).toEqual([]);
    // a forbid that leaves a permit in force nothing to permit
    const shut = findings(forbid('context.destination.class == DestinationClass::"MANAGED_HOUSE"'));
    expect(shut).toMatchObject([{ kind: 'shadowed', policy: 'fee-invoice', says: expect.stringContaining('draft') }]);
    expect(kinds(forbid('context.symbol == "ETH"'))).toEqual([]);
  });

  it('points at a forbid that refuses for want of a fact', () => {
    expect(kinds(forbid('context has amountReference && context.amountReference > 5'))).toEqual(['demands']);
    expect(kinds(permit(`${OWN} && context has amountReference && context.amountReference < 5`))).toEqual([]);
  });
});
