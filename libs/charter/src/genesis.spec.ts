import { bitcoinAsset, etherAsset, REGTEST, ZERO_DIGEST } from '@bulkhead/intent';
import {
  CharterBuilder,
  genesisAct as actOf,
  genesisEntry,
  instant,
  makeMember,
  makeMembers,
  type TestMember,
} from '../../../test/support/charter-builder.js';
import { publicPart, say } from '../../../test/support/members.js';
import { SIGNER_RECORDS } from '../../../test/support/wallets.js';
import type { GenesisAct } from './acts.js';
import { entryHash } from './entry.js';
import { applyEntry } from './reducer.js';
import { firmHead } from './state.js';

const members = makeMembers();
const { olivia, omar, oskar, carla } = members;
const genesisAct = (overrides: Partial<GenesisAct> = {}) => actOf(Object.values(members), SIGNER_RECORDS, overrides);
const signed = (options?: Parameters<typeof genesisEntry>[2]) => genesisEntry(genesisAct(), members, options);

const codeOf = (candidate: unknown): string => {
  const result = applyEntry(undefined, candidate);
  return result.ok ? 'accepted' : result.refusal.code;
};
const withAct = (overrides: Partial<GenesisAct>): string => codeOf(genesisEntry(genesisAct(overrides), members));
const withMembers = (named: readonly TestMember[]): string => withAct({ members: named.map(publicPart) });

describe('a genesis', () => {
  it('starts a charter when every member has signed it; its hash is the firm', () => {
    const genesis = signed();
    const result = applyEntry(undefined, genesis);
    if (!result.ok) throw new Error(result.refusal.detail);
    expect(result.value.firm).toBe(entryHash(genesis));
    expect(firmHead(result.value)).toEqual({ sequence: 0, hash: entryHash(genesis) });
    expect([...result.value.members.keys()]).toEqual(['olivia', 'omar', 'oskar', 'carla', 'erika']);
  });

  it.each([
    ['without one', [omar, carla]],
    ['with one of them twice instead', [omar, carla, carla]],
    ['with nobody but its initiator', []],
  ])('is refused %s of the members', (_, approvers) => {
    expect(codeOf(signed({ approvers }))).toBe('approval.quorum-not-met');
  });

  it('is refused with a signature of somebody whom it does not name', () => {
    const mallory = makeMember('mallory', 'operator');
    const approvers = [omar, oskar, carla, mallory];
    expect(codeOf(signed({ approvers }))).toBe('approval.unknown-member');
  });

  it('is refused when a named member’s signature is by another key', () => {
    const imposter = makeMember('carla', 'compliance');
    expect(codeOf(signed({ approvers: [omar, oskar, imposter] }))).toBe('approval.bad-signature');
  });

  it('is refused when one member rejects it', () => {
    const genesis = signed();
    const { statement } = genesis.approvals[2]!;
    const rejection = say(carla, 'REJECT', statement);
    expect(codeOf({ ...genesis, approvals: [...genesis.approvals.slice(0, 2), rejection] })).toBe('approval.rejected');
  });

  it.each([
    ['a member id', [olivia, omar, carla, { ...makeMember('x', 'operator'), id: 'omar' }]],
    ['a person', [olivia, omar, carla, makeMember('omar-2', 'operator', 'omar')]],
    ['a key', [olivia, omar, carla, { ...oskar, keys: omar.keys }]],
    [
      'a key id of one member',
      [olivia, omar, carla, { ...oskar, keys: [...oskar.keys, ...makeMember('oskar', 'operator').keys] }],
    ],
  ])('is refused when it names %s twice', (_, named) => {
    expect(withMembers(named)).toBe('charter.id-taken');
  });

  it('is refused when two signers have one name or one certificate', () => {
    const [a, b, c] = genesisAct().signers;
    expect(withAct({ signers: [a!, b!, { ...c!, id: a!.id }] })).toBe('charter.id-taken');
    expect(withAct({ signers: [a!, b!, { ...c!, tlsFingerprint: a!.tlsFingerprint }] })).toBe('charter.id-taken');
  });

  it('is refused with a member key that is no point of P-256', () => {
    const keys = [{ id: 'k', scheme: 'p256' as const, publicKey: `02${'f'.repeat(64)}` }];
    expect(withMembers([olivia, omar, oskar, { ...carla, keys }])).toBe('charter.malformed');
  });

  it.each<[string, GenesisAct['quorums'][keyof GenesisAct['quorums']]]>([
    ['more compliance officers', { initiators: ['operator'], anyOf: [[{ group: 'compliance', threshold: 2 }]] }],
    // one of the three operators starts, so two remain
    ['more operators', { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 3 }]] }],
    ['the one who starts it', { initiators: ['compliance'], anyOf: [[{ group: 'compliance', threshold: 1 }]] }],
  ])('is refused when a quorum needs %s than there can be', (_, quorum) => {
    const { quorums } = genesisAct();
    expect(withAct({ quorums: { ...quorums, 'wallet.open': quorum } })).toBe('charter.quorum-unreachable');
    expect(withAct({ quorums: { ...quorums, 'transfer.PAYMENT': quorum } })).toBe('charter.quorum-unreachable');
  });

  it.each([
    ['freeze', 'unfreeze'],
    ['destination.revoke', 'destination.approve'],
    ['member.revoke', 'member.enrol'],
    ['limits.lower', 'limits.raise'],
    ['quorum.tighten', 'quorum.loosen'],
    ['signer.retire', 'signer.enrol'],
    ['mpc-wallet.withdraw', 'mpc-wallet.reshare'],
  ] as const)('is refused when %s takes more people than %s', (tightens, loosens) => {
    const { quorums } = genesisAct();
    const usual = quorums[loosens]!;
    const larger = { ...usual, anyOf: [[...usual.anyOf[0]!, { group: 'engineer', threshold: 1 }]] };
    const unlike = { ...larger, initiators: ['operator'] };
    expect(withAct({ quorums: { ...quorums, [tightens]: unlike } })).toBe('charter.below-floor');
    expect(withAct({ quorums: { ...quorums, [tightens]: usual } })).toBe('accepted');
  });

  it('is refused with a quorum for what nobody governs', () => {
    const quorums = { ...genesisAct().quorums, 'coffee.buy': genesisAct().quorums['wallet.open'] };
    expect(withAct({ quorums })).toBe('charter.malformed');
  });

  it('names one Bitcoin chain and one EVM chain', () => {
    expect(withAct({ bitcoin: 'eip155:1' })).toBe('charter.malformed');
    expect(withAct({ ethereum: REGTEST })).toBe('charter.malformed');
  });

  it.each([
    { maxFeeSat: '' },
    { maxFeeSat: '1.5' },
    { maxFeeSat: '-1' },
    { maxFeeSat: '0x10' },
    { maxGasCostWei: 'much' },
    { maxFeeRateSatVb: 0 },
    { feeInvoices: [{ asset: bitcoinAsset(REGTEST), maxAmount: '1e3' }] },
    { feeInvoices: [{ asset: etherAsset('eip155:1'), maxAmount: '1' }] },
    {
      feeInvoices: [
        { asset: bitcoinAsset(REGTEST), maxAmount: '1' },
        { asset: bitcoinAsset(REGTEST), maxAmount: '1000' },
      ],
    },
  ])('is refused with the limits %j', (changes) => {
    expect(withAct({ limits: { ...genesisAct().limits, ...changes } })).toBe('charter.malformed');
  });

  it.each([
    [{ sequence: 1 }],
    [{ previous: 'ab'.repeat(32) }],
    [{ firm: 'ab'.repeat(32) }],
    [{ firmHead: { sequence: 0, hash: ZERO_DIGEST } }],
    [{ chain: 'client:alpha' }],
  ])('follows nothing: refused with %j', (changes) => {
    const genesis = signed({ intent: changes as object });
    expect(codeOf(genesis)).toBe('charter.fork');
  });

  it('must be the first entry, and the only one', () => {
    const builder = CharterBuilder.start(SIGNER_RECORDS, { members });
    const second = signed();
    const result = applyEntry(builder.state, second);
    expect(result.ok ? 'accepted' : result.refusal.code).toBe('intent.wrong-firm');
    const onTop = builder.entry({ kind: 'house.open', owner: { id: 'house', name: 'House' } });
    expect(codeOf(onTop)).toBe('charter.gap');
    const again = builder.entry(genesisAct(), { intent: { chain: 'firm' } });
    const refusedAgain = applyEntry(builder.state, again);
    expect(refusedAgain.ok ? 'accepted' : refusedAgain.refusal.code).toBe('charter.fork');
  });

  it('is refused when it had expired', () => {
    const at = instant();
    const before = instant(-60_000);
    expect(codeOf(signed({ intent: { expiresAt: before }, enactedAt: at }))).toBe('intent.expired');
    expect(codeOf(signed({ intent: { expiresAt: at }, enactedAt: at }))).toBe('accepted');
  });

  it.each([undefined, null, 'genesis', 7, [], {}, { v: 1 }])('is not %j', (candidate) => {
    expect(codeOf(candidate)).toBe('charter.malformed');
  });

  it('does not change when the value that it was read from does', () => {
    const genesis = structuredClone(signed());
    const result = applyEntry(undefined, genesis);
    if (!result.ok || genesis.intent.act.kind !== 'genesis') throw new Error('accepted above');
    const before = JSON.stringify(result.value.genesis);
    genesis.intent.act.members[0]!.keys[0]!.publicKey = 'changed';
    genesis.intent.act.limits.maxFeeSat = '999999999';
    expect(JSON.stringify(result.value.genesis)).toBe(before);
    expect(result.value.members.get('olivia')).toEqual(publicPart(olivia));
  });
});
