import { randomUUID } from 'node:crypto';
import { REGTEST, type ChainId, type Digest } from '@bulkhead/intent';
import { Wallet } from 'ethers';
import fc from 'fast-check';
import { ANVIL, CharterBuilder, instant, type EntryOptions } from '../../../test/support/charter-builder.js';
import { makeMember, makeMembers } from '../../../test/support/members.js';
import { outsideHolder } from '../../../test/support/signed-messages.js';
import {
  addressAt,
  LOOK_ALIKE,
  OUTSIDE,
  safeAddress,
  SIGNER_RECORDS,
  usualFirm,
} from '../../../test/support/wallets.js';
import {
  applyEntry,
  checkCooled,
  governedBy,
  ownershipMessage,
  type Act,
  type CharterState,
  type Destination,
  type GenesisAct,
} from './index.js';

type Approval = Extract<Act, { kind: 'destination.approve' }>;
const DAY = 86_400;

const approve = (address: string, changes: Partial<Approval> = {}): Approval => ({
  kind: 'destination.approve',
  id: randomUUID(),
  owner: 'alpha',
  chain: address.startsWith('0x') ? ANVIL : REGTEST,
  address,
  label: 'somebody',
  ...changes,
});
const revoke = (address: string, owner = 'alpha'): Act => ({
  kind: 'destination.revoke',
  owner,
  chain: address.startsWith('0x') ? ANVIL : REGTEST,
  address,
});
const firmWith = (genesis: Partial<GenesisAct> = {}) => usualFirm(CharterBuilder.start(SIGNER_RECORDS, { genesis }));
const cooling = (): CharterBuilder => firmWith({ rules: { delaySeconds: { 'destination.approve': DAY } } });
const codeOf = (firm: CharterBuilder, act: Act, options: EntryOptions = {}): string => {
  const result = applyEntry(firm.state, firm.entry(act, options));
  return result.ok ? 'accepted' : result.refusal.code;
};
const destinationOf = ({ state }: { state: CharterState }, owner = 'alpha'): Destination =>
  [...state.destinations.values()].map((owners) => owners.get(owner)).find((one) => one !== undefined)!;

describe('a destination that cools', () => {
  const after = (seconds: number): string => instant(seconds * 1000);
  const paid = (state: CharterState, at: string, purpose: 'PAYMENT' | 'TEST_PAYMENT' = 'PAYMENT'): string => {
    const payout = { owner: 'alpha', purpose, chain: REGTEST, payee: OUTSIDE.bitcoin, proposedAt: after(1) };
    const cooled = checkCooled(state, payout, at);
    return cooled.ok ? 'accepted' : cooled.refusal.code;
  };

  it('is there at once, with nothing to put into force, and is paid after its delay and not before', () => {
    const firm = cooling();
    firm.append(approve(OUTSIDE.bitcoin));
    expect(firm.state.pending.size).toBe(0);
    const { approvedAt, usableFrom } = destinationOf(firm);
    expect(Date.parse(usableFrom) - Date.parse(approvedAt)).toBe(DAY * 1000);
    expect(paid(firm.state, after(0))).toBe('destination.cooling');
    expect(paid(firm.state, new Date(Date.parse(usableFrom) - 1).toISOString())).toBe('destination.cooling');
    expect(paid(firm.state, usableFrom)).toBe('accepted');
  });

  it('can be tried meanwhile', () => {
    const firm = cooling();
    firm.append(approve(OUTSIDE.bitcoin));
    expect(paid(firm.state, after(0), 'TEST_PAYMENT')).toBe('accepted');
  });

  it('is revoked at once, and kept as what was revoked', () => {
    const firm = cooling();
    firm.append(approve(OUTSIDE.bitcoin));
    const before = destinationOf(firm);
    firm.append(revoke(OUTSIDE.bitcoin));
    expect(firm.state.destinations.size).toBe(0);
    expect(firm.state.revokedDestinations.get(before.id)).toMatchObject({ ...before, revokedAt: expect.any(String) });
  });

  it('cools anew when it is approved anew', () => {
    const firm = cooling();
    firm.append(approve(OUTSIDE.bitcoin));
    firm.append(revoke(OUTSIDE.bitcoin));
    firm.append(approve(OUTSIDE.bitcoin));
    expect(paid(firm.state, after(DAY - 60))).toBe('destination.cooling');
  });

  it('does not cool any sooner because the entry is dated back', () => {
    const firm = cooling();
    const backdated = { enactedAt: instant(-30 * DAY * 1000) };
    expect(() => firm.append(approve(OUTSIDE.bitcoin), backdated)).toThrow('charter.enacted-in-past');
    firm.append(approve(OUTSIDE.bitcoin));
    expect(paid(firm.state, after(DAY - 60))).toBe('destination.cooling');
    expect(paid(firm.state, after(DAY + 60))).toBe('accepted');
  });

  it('is not paid by what was proposed before it was approved: it was another one then', () => {
    const firm = firmWith();
    firm.append(approve(OUTSIDE.bitcoin));
    const { enactedAt } = destinationOf(firm);
    const payout = { owner: 'alpha', purpose: 'PAYMENT', chain: REGTEST, payee: OUTSIDE.bitcoin } as const;
    const proposed = (proposedAt: string): boolean => checkCooled(firm.state, { ...payout, proposedAt }, after(DAY)).ok;
    expect(proposed(new Date(Date.parse(enactedAt) - 1).toISOString())).toBe(false);
    expect(proposed(enactedAt)).toBe(true);
  });

  it('does not hold up what pays somebody else', () => {
    const firm = cooling();
    firm.append(approve(OUTSIDE.bitcoin));
    const other = { purpose: 'PAYMENT', chain: REGTEST, payee: OUTSIDE.bitcoin, proposedAt: after(0) } as const;
    expect(checkCooled(firm.state, { ...other, owner: 'beta' }, after(0)).ok).toBe(true);
  });

  it('is paid exactly from its delay on, whatever the delay', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 * DAY }), fc.integer({ min: -DAY, max: 31 * DAY }), (delay, wait) => {
        const firm = firmWith({ rules: { delaySeconds: { 'destination.approve': delay } } });
        firm.append(approve(OUTSIDE.bitcoin));
        const at = new Date(Date.parse(destinationOf(firm).approvedAt) + wait * 1000).toISOString();
        expect(paid(firm.state, at)).toBe(wait >= delay ? 'accepted' : 'destination.cooling');
      }),
      { numRuns: 15 },
    );
  });
});

describe('a destination that could be mistaken for a known address', () => {
  const larger = (firm: CharterBuilder): EntryOptions => {
    const members = firm.members;
    return { approvers: [members.omar, members.oskar, members.carla] };
  };

  it.each([
    ['of this owner', 'alpha'],
    ['of another owner', 'beta'],
  ])('takes the larger quorum: of a destination %s', (_, owner) => {
    for (const network of ['bitcoin', 'ethereum'] as const) {
      const firm = firmWith();
      firm.append(approve(OUTSIDE[network], { owner }));
      const act = approve(LOOK_ALIKE[network]);
      expect(governedBy(firm.state, act)).toBe('destination.approve-look-alike');
      expect(codeOf(firm, act)).toBe('approval.quorum-not-met');
      expect(codeOf(firm, act, larger(firm))).toBe('accepted');
      firm.append(act, larger(firm));
      expect(firm.state.destinations.some((owners) => owners.get('alpha')?.looksLike === OUTSIDE[network])).toBe(true);
    }
  });

  it('takes it for addresses under management as well: of a wallet, and of the house elsewhere', () => {
    const firm = firmWith();
    const safe = safeAddress(firm, 'alpha-safe');
    const middle = '7'.repeat(32);
    expect(
      governedBy(firm.state, approve(`0x${safe.slice(2, 6).toLowerCase()}${middle}${safe.slice(-4).toLowerCase()}`)),
    ).toBe('destination.approve-look-alike');
    const act = approve(LOOK_ALIKE.bitcoin);
    expect(governedBy(firm.state, act)).toBe('destination.approve');
    firm.append({
      kind: 'proprietary-address.declare',
      owner: 'house',
      chain: REGTEST,
      address: OUTSIDE.bitcoin,
      label: 'exchange',
    });
    expect(governedBy(firm.state, act)).toBe('destination.approve-look-alike');
  });

  it('takes it still when the known one was revoked', () => {
    const firm = firmWith();
    firm.append(approve(OUTSIDE.ethereum));
    firm.append(revoke(OUTSIDE.ethereum));
    expect(codeOf(firm, approve(LOOK_ALIKE.ethereum))).toBe('approval.quorum-not-met');
    expect(codeOf(firm, approve(OUTSIDE.ethereum))).toBe('accepted');
  });

  it('cools no shorter than others', () => {
    const firm = firmWith({
      rules: { delaySeconds: { 'destination.approve': DAY, 'destination.approve-look-alike': 10 } },
    });
    firm.append(approve(OUTSIDE.ethereum, { owner: 'beta' }));
    firm.append(approve(LOOK_ALIKE.ethereum), larger(firm));
    const { approvedAt, usableFrom } = destinationOf(firm);
    expect(Date.parse(usableFrom) - Date.parse(approvedAt)).toBe(DAY * 1000);
  });

  it('cannot be approved where no such quorum is named', () => {
    const { quorums } = usualFirm().state;
    const named = Object.entries(quorums).filter(([name]) => name !== 'destination.approve-look-alike');
    const firm = firmWith({ quorums: Object.fromEntries(named) });
    firm.append(approve(OUTSIDE.ethereum));
    expect(codeOf(firm, approve(LOOK_ALIKE.ethereum), larger(firm))).toBe('charter.act-not-allowed');
  });

  it('has a quorum of more people than an ordinary one, from the genesis on', () => {
    const { quorums } = usualFirm().state;
    const ordinary = quorums['destination.approve']!;
    expect(() => firmWith({ quorums: { ...quorums, 'destination.approve-look-alike': ordinary } })).toThrow(
      'charter.below-floor',
    );
    const firm = firmWith();
    expect(codeOf(firm, { kind: 'quorum.set', governed: 'destination.approve-look-alike', quorum: ordinary })).toBe(
      'charter.below-floor',
    );
    const most = quorums['destination.approve-look-alike']!;
    expect(codeOf(firm, { kind: 'quorum.set', governed: 'destination.approve', quorum: most })).toBe(
      'charter.below-floor',
    );
  });

  it('is started by nobody else, and asks every group that an ordinary one asks', () => {
    const { quorums } = usualFirm().state;
    const compliance = ['cora', 'clara'].map((id) => makeMember(id, 'compliance'));
    const members = { ...makeMembers(), ...Object.fromEntries(compliance.map((member) => [member.id, member])) };
    const most = quorums['destination.approve-look-alike']!;
    const startedWith = (quorum: typeof most, others = quorums) =>
      CharterBuilder.start(SIGNER_RECORDS, {
        members,
        genesis: { quorums: { ...others, 'destination.approve-look-alike': quorum } },
      });
    expect(startedWith({ ...most, anyOf: [[...most.anyOf[0]!]] }).entries).toHaveLength(1);
    for (const quorum of [
      { ...most, anyOf: [[{ group: 'compliance', threshold: 3 }]] },
      { ...most, anyOf: [most.anyOf[0]!, [{ group: 'compliance', threshold: 3 }]] },
      { ...most, initiators: ['operator', 'engineer'] },
    ]) {
      expect(() => startedWith(quorum)).toThrow('charter.below-floor');
    }
    const unusual = Object.entries(quorums).filter(([name]) => name !== 'destination.approve');
    expect(() => startedWith(most, Object.fromEntries(unusual))).toThrow('charter.below-floor');
  });
});

describe('a proof of ownership', () => {
  const holder = new Wallet(`0x${'11'.repeat(32)}`);
  const firm = usualFirm();
  const proofOf = (text: string): Approval['proof'] => ({ kind: 'eip191', signature: holder.signMessageSync(text) });
  const message = (changes: { firm?: Digest; owner?: string; chain?: ChainId; address?: string } = {}): string =>
    ownershipMessage(
      changes.firm ?? firm.firm,
      changes.owner ?? 'alpha',
      changes.chain ?? ANVIL,
      changes.address ?? holder.address,
    );

  it('makes a destination PROVEN; without one it is a self-hosted one of no proven owner', () => {
    const builder = usualFirm();
    const act = approve(holder.address, { proof: proofOf(message({ firm: builder.firm })), category: 'VASP' });
    builder.append(act);
    expect(destinationOf(builder)).toMatchObject({ ownership: 'PROVEN', category: 'VASP', looksLike: null });
    builder.append(approve(OUTSIDE.bitcoin, { owner: 'beta' }));
    expect(destinationOf(builder, 'beta')).toMatchObject({ ownership: 'NONE', category: 'SELF_HOSTED' });
  });

  it('is taken on Bitcoin as well', () => {
    const builder = usualFirm();
    const somebody = outsideHolder('somebody');
    const text = ownershipMessage(builder.firm, 'alpha', REGTEST, somebody.address);
    const proof = { kind: 'bip322', signature: somebody.sign(text) } as const;
    expect(codeOf(builder, approve(somebody.address, { proof, owner: 'beta' }))).toBe('address.ownership-unproven');
    builder.append(approve(somebody.address, { proof }));
    expect(destinationOf(builder).ownership).toBe('PROVEN');
  });

  it('counts whatever the spelling of the address in the entry', () => {
    expect(codeOf(firm, approve(holder.address.toLowerCase(), { proof: proofOf(message()) }))).toBe('accepted');
  });

  it('given to another firm, for another client, chain or address, or in other words refuses the entry', () => {
    for (const text of [
      message({ firm: 'ab'.repeat(32) as Digest }),
      message({ owner: 'beta' }),
      message({ chain: 'eip155:1' }),
      message({ address: OUTSIDE.ethereum }),
      message().toLowerCase(),
      'I own this',
    ])
      expect(codeOf(firm, approve(holder.address, { proof: proofOf(text) }))).toBe('address.ownership-unproven');
    expect(codeOf(firm, approve(OUTSIDE.ethereum, { proof: proofOf(message({ address: OUTSIDE.ethereum })) }))).toBe(
      'address.ownership-unproven',
    );
  });

  it('of a contract is a claim for those who have no node', () => {
    const builder = usualFirm();
    builder.append(approve(holder.address, { proof: { kind: 'eip1271', signature: '0x' } }));
    expect(destinationOf(builder).ownership).toBe('CLAIMED');
  });

  it('is of the kind of its chain', () => {
    const signature = proofOf(message())!.signature;
    for (const kind of ['eip191', 'eip1271'] as const)
      expect(codeOf(firm, approve(OUTSIDE.bitcoin, { proof: { kind, signature } }))).toBe('address.ownership-unproven');
    expect(codeOf(firm, approve(holder.address, { proof: { kind: 'bip322', signature } }))).toBe(
      'address.ownership-unproven',
    );
  });
});

describe('an address under management', () => {
  it('is never a destination: of the house, of another client, of the client itself', () => {
    const firm = usualFirm();
    for (const wallet of ['house-btc', 'beta-btc', 'alpha-btc'])
      for (const branch of [0, 1] as const)
        expect(codeOf(firm, approve(addressAt(firm, wallet, branch)))).toBe('charter.address-managed');
    for (const wallet of ['house-safe', 'beta-safe', 'alpha-safe'])
      expect(codeOf(firm, approve(safeAddress(firm, wallet)))).toBe('charter.address-managed');
  });
});
