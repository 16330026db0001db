import { DEFAULT_POLICIES } from '@bulkhead/cedar';
import { CharterBuilder, type EntryOptions } from '../../../test/support/charter-builder.js';
import { SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import { applyEntry, chainOfAct, type Act, type GenesisAct } from './index.js';

const TEXT = 'forbid (principal, action == Action::"transfer", resource) when { context.symbol == "BTC" };';
const set = (changes: Partial<Extract<Act, { kind: 'policy.set' }>> = {}): Act => ({
  kind: 'policy.set',
  id: 'no-bitcoin',
  text: TEXT,
  owner: null,
  wallet: null,
  ...changes,
});
const tried = (firm: CharterBuilder, act: Act, options?: EntryOptions): string => {
  const result = applyEntry(firm.state, firm.entry(act, options));
  return result.ok ? 'accepted' : result.refusal.code;
};
const start = (genesis: Partial<GenesisAct>) => CharterBuilder.start(SIGNER_RECORDS, { genesis });

describe('policies in the charter', () => {
  it('are the default ones until the genesis or an entry says otherwise', () => {
    const firm = start({});
    expect(firm.state.policies.map(({ text }) => text).toObject()).toEqual(DEFAULT_POLICIES);
    expect(start({ policies: [] }).state.policies.isEmpty()).toBe(true);
    firm.append(set());
    expect(firm.state.policies.get('no-bitcoin')?.text).toBe(TEXT);
    firm.append({ kind: 'policy.remove', id: 'no-bitcoin' });
    expect(firm.state.policies.has('no-bitcoin')).toBe(false);
    expect(tried(firm, { kind: 'policy.remove', id: 'no-bitcoin' })).toBe('charter.unknown-policy');
  });

  it('come back under the id of one that was removed as they were, or not at all', () => {
    const firm = usualFirm();
    const removed = set({ owner: 'alpha' });
    firm.append(removed);
    firm.append({ kind: 'policy.remove', id: 'no-bitcoin' });
    for (const other of [
      set(),
      set({ owner: 'beta' }),
      set({ owner: 'alpha', wallet: 'alpha-btc' }),
      set({ owner: 'alpha', text: TEXT.replace('BTC', 'ETH') }),
    ])
      expect(tried(firm, other)).toBe('charter.id-taken');
    firm.append(removed);
    expect(firm.state.policies.get('no-bitcoin')?.owner).toBe('alpha');
    // in force again, it is changed like any other, and removed as it is then
    const changed = set({ owner: 'alpha', text: TEXT.replace('BTC', 'ETH') });
    firm.append(changed);
    firm.append({ kind: 'policy.remove', id: 'no-bitcoin' });
    expect([tried(firm, removed), tried(firm, changed)]).toEqual(['charter.id-taken', 'accepted']);
    // of the genesis, too
    firm.append({ kind: 'policy.remove', id: 'payment' });
    expect(tried(firm, set({ id: 'payment' }))).toBe('charter.id-taken');
  });

  it('of a client stand on the client’s chain, the others on the firm’s', () => {
    const firm = usualFirm();
    const ofAlpha = set({ owner: 'alpha', wallet: 'alpha-btc' });
    expect([set(), set({ owner: 'house' }), ofAlpha].map((act) => chainOfAct(firm.state, act))).toEqual([
      'firm',
      'firm',
      'client:alpha',
    ]);
    firm.append(ofAlpha);
    expect(chainOfAct(firm.state, { kind: 'policy.remove', id: 'no-bitcoin' })).toBe('client:alpha');
    expect(tried(firm, set())).toBe('charter.id-taken');
    expect(tried(firm, set({ owner: 'gamma' }))).toBe('charter.unknown-owner');
    expect(tried(firm, set({ owner: 'alpha', wallet: 'beta-btc' }))).toBe('charter.unknown-wallet');
    expect(tried(firm, set({ wallet: 'alpha-btc' }))).toBe('charter.unknown-wallet');
  });

  it('are refused when they cannot be read or name a quorum that there is not', () => {
    const firm = start({});
    expect(tried(firm, set({ text: TEXT.replace('symbol', 'colour') }))).toBe('policy.invalid');
    const permit = TEXT.replace('forbid', '@quorum("transfer.GIFT") permit');
    expect(tried(firm, set({ text: permit }))).toBe('policy.invalid');
    expect(tried(firm, set({ text: permit.replace('GIFT', 'PAYMENT') }))).toBe('accepted');
    expect(() => start({ policies: [{ id: 'bad', text: permit }] })).toThrow('policy.invalid');
    const twice = { id: 'same', text: TEXT };
    expect(() => start({ policies: [twice, twice] })).toThrow('charter.id-taken');
  });

  it('are refused when they spell an address, a selector or an asset as no fact is spelled', () => {
    const firm = start({});
    const address = '0x5FbDB2315678afecb367f032d93F642f64180aa3'; // EIP-55
    const when = (condition: string) => tried(firm, set({ text: TEXT.replace('context.symbol == "BTC"', condition) }));
    for (const [path, right, wrong] of [
      ['context.call.contract', address, address.toLowerCase()],
      ['context.destination.address', address, address.replace('F', 'f')],
      ['context.destination.address', 'bcrt1qw508d6q', 'BCRT1QW508D6Q'],
      ['context.call.selector', '0xa9059cbb', '0xA9059CBB'],
      ['context.asset', `eip155:1/erc20:${address.toLowerCase()}`, `eip155:1/erc20:${address}`],
    ] as const) {
      expect([right, when(`${path} == "${right}"`)]).toEqual([right, 'accepted']);
      expect([wrong, when(`["BTC", "${wrong}"].contains(${path})`)]).toEqual([wrong, 'policy.invalid']);
    }
  });

  it('are written by compliance alone and confirmed by another duty', () => {
    const firm = start({});
    const { olivia, omar, oskar } = firm.members;
    expect(tried(firm, set(), { initiator: olivia, approvers: [omar, oskar] })).toBe('approval.not-eligible');
    expect(tried(firm, set(), { approvers: [] })).toBe('approval.quorum-not-met');
    const { quorums } = firm.state;
    const written = quorums['policy.set']!;
    for (const quorum of [
      { ...written, initiators: ['operator' as const] },
      { ...written, initiators: ['compliance' as const, 'operator' as const] },
    ]) {
      expect(tried(firm, { kind: 'quorum.set', governed: 'policy.set', quorum })).toBe('charter.duties-mixed');
      expect(() => start({ quorums: { ...quorums, 'policy.remove': quorum } })).toThrow('charter.duties-mixed');
    }
  });

  it('can be given a delay, and vetoed while it runs', () => {
    const firm = start({ rules: { delaySeconds: { 'policy.set': 3600 } } });
    const { intent } = firm.append(set());
    expect(firm.state.policies.has('no-bitcoin')).toBe(false);
    expect(tried(firm, { kind: 'pending.enact', intent: intent.id })).toBe('charter.delay-not-over');
    firm.append({ kind: 'pending.veto', intent: intent.id });
    expect(firm.state.pending.isEmpty()).toBe(true);
  });
});
