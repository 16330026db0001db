import { governedBy } from '@bulkhead/charter';
import { canonicalJson, orThrow, REGTEST, ZERO_DIGEST } from '@bulkhead/intent';
import { ANVIL, CharterBuilder, instant } from '../../../test/support/charter-builder.js';
import { makeMember, makeMembers } from '../../../test/support/members.js';
import { LOOK_ALIKE, OUTSIDE, SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import { buildKit, kitDigest, openKit, sealKit, type RecoveryKit } from './kit.js';

const HOLDERS = [{ signer: 'signer-a', tokenLabel: 'vault-a', tokenSerial: 'a0' }];

function firm(): CharterBuilder {
  const builder = usualFirm();
  const destination = { kind: 'destination.approve', chain: REGTEST, label: 'bank' } as const;
  builder.append({ ...destination, owner: 'alpha', address: OUTSIDE.bitcoin, id: crypto.randomUUID() });
  return builder;
}
const kitOf = (builder: CharterBuilder, owner = 'alpha'): RecoveryKit =>
  orThrow(buildKit(builder.entries, builder.firm, owner, HOLDERS, instant()));
const refusalOf = (text: string, builder: CharterBuilder): string | undefined => {
  const opened = openKit(text, builder.firm);
  return opened.ok ? undefined : opened.refusal.code;
};
/** The same kit with something changed and the hash made anew, as a forger would. */
const resealed = (kit: RecoveryKit, change: Partial<RecoveryKit>): string => sealKit({ ...kit, ...change });

describe('a recovery kit', () => {
  it('names what an owner has, where its keys are, and whom it may pay', () => {
    const kit = kitOf(firm());
    expect(kit.wallets.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      'alpha-btc bitcoin-multisig',
      'alpha-safe safe',
    ]);
    expect(kit.wallets[0]?.descriptors?.wallet).toMatch(/^wsh\(or_d\(multi\(2,.*<0;1>\/\*\),older\(4320\)\)\)\)#/);
    expect(kit.wallets[1]).toMatchObject({ threshold: 2, firstAddress: expect.stringMatching(/^0x/) });
    expect(kit.holders.map(({ signer, tokenLabel }) => `${signer} ${String(tokenLabel)}`)).toEqual([
      'signer-a vault-a',
      'signer-b null',
      'signer-c null',
    ]);
    expect(kit.destinations).toEqual([{ chain: REGTEST, address: OUTSIDE.bitcoin, label: 'bank' }]);
  });

  it('names the token that the charter names, not one that a ceremony saw before, and invents nothing of it', () => {
    const builder = firm();
    const seen = { signer: 'signer-b', tokenLabel: 'vault-b', tokenSerial: 'a1', holder: 'Bert', place: 'Vault 2' };
    const kit = (): RecoveryKit =>
      orThrow(buildKit(builder.entries, builder.firm, 'alpha', [...HOLDERS, seen], instant()));
    const holder = () => kit().holders.find(({ signer }) => signer === 'signer-b');
    expect(holder()).toEqual(seen);
    builder.append({ kind: 'signer.move-token', signer: 'signer-b', tokenSerial: 'b1' });
    expect(holder()).toEqual({ signer: 'signer-b', tokenLabel: null, tokenSerial: 'b1' });
    const stale = kit().holders.map((each) => (each.signer === 'signer-b' ? seen : each));
    expect(refusalOf(resealed(kit(), { holders: stale }), builder)).toBe('kit.mismatch');
  });

  it('says nothing of other clients', () => {
    expect(sealKit(kitOf(firm()))).not.toContain('beta');
  });

  it('opens to the charter’s state, and is the same bytes each time', () => {
    const builder = firm();
    const kit = kitOf(builder);
    const opened = orThrow(openKit(sealKit(kit), builder.firm));
    expect(opened.hash).toBe(kitDigest(kit));
    expect(opened.state.wallets.keySeq().sort().toArray()).toEqual([
      'alpha-btc',
      'alpha-safe',
      'house-btc',
      'house-gas',
      'house-safe',
    ]);
    expect(sealKit(JSON.parse(canonicalJson(kit)) as RecoveryKit)).toBe(sealKit(kit));
  });

  it('holds a destination that looked like one of a client that it does not know', () => {
    const builder = firm();
    const destination = { kind: 'destination.approve', chain: ANVIL, label: 'broker' } as const;
    builder.append({ ...destination, owner: 'beta', address: OUTSIDE.ethereum, id: crypto.randomUUID() });
    const { omar, oskar, carla } = builder.members;
    const lookAlike = { ...destination, owner: 'alpha', address: LOOK_ALIKE.ethereum, id: crypto.randomUUID() };
    expect(governedBy(builder.state, lookAlike)).toBe('destination.approve-look-alike');
    builder.append(lookAlike, { approvers: [omar, oskar, carla] });
    const { state, kit } = orThrow(openKit(sealKit(kitOf(builder)), builder.firm));
    expect(governedBy(state, { ...lookAlike, id: crypto.randomUUID() })).toBe('destination.approve');
    expect(kit.destinations.map(({ address }) => address)).toContain(LOOK_ALIKE.ethereum);
  });

  // the firm would decide by a quorum that does not meet the one which the kit's reader goes by
  it('cannot come to hold one that only another quorum than the usual has approved', () => {
    const { quorums } = firm().state;
    const others = { initiators: ['operator' as const], anyOf: [[{ group: 'compliance', threshold: 3 }]] };
    const members = ['cora', 'clara'].map((id) => [id, makeMember(id, 'compliance')] as const);
    const start = () =>
      CharterBuilder.start(SIGNER_RECORDS, {
        members: { ...makeMembers(), ...Object.fromEntries(members) },
        genesis: { quorums: { ...quorums, 'destination.approve-look-alike': others } },
      });
    expect(start).toThrow('charter.below-floor');
  });

  it('survives a freeze of a client that it does not know', () => {
    const builder = firm();
    builder.append({ kind: 'freeze', scope: { of: 'owner', owner: 'beta' }, reason: 'a claim' });
    builder.append({ kind: 'freeze', scope: { of: 'wallet', wallet: 'beta-btc' }, reason: 'a claim' });
    builder.append({ kind: 'unfreeze', scope: { of: 'owner', owner: 'beta' } });
    const opened = orThrow(openKit(sealKit(kitOf(builder)), builder.firm));
    expect(opened.state.owners.has('beta')).toBe(false);
    expect(opened.state.wallets.has('beta-btc')).toBe(false);
    expect(opened.state.heads.get('firm')).toEqual(builder.state.heads.get('firm'));
  });

  it('is refused under another firm’s genesis', () => {
    const kit = kitOf(firm());
    expect(refusalOf(sealKit(kit), firm())).toBe('kit.mismatch');
    expect(openKit(sealKit(kit), ZERO_DIGEST).ok).toBe(false);
  });

  it('is refused when a byte of it was changed', () => {
    const builder = firm();
    const text = sealKit(kitOf(builder)).replace('vault-a', 'vault-x');
    expect(refusalOf(text, builder)).toBe('kit.mismatch');
    expect(refusalOf('{}', builder)).toBe('kit.malformed');
    expect(refusalOf('not json', builder)).toBe('kit.malformed');
  });

  it.each(['wallets', 'destinations', 'heads', 'owner', 'safeContracts'] as const)(
    'is refused when its %s are not what its charter says',
    (part) => {
      const [builder, other] = [firm(), usualFirm()];
      const kit = kitOf(builder);
      const stranger = kitOf(other, 'beta');
      const change = part === 'safeContracts' ? {} : stranger[part];
      expect(['kit.mismatch', 'charter.unknown-owner']).toContain(
        refusalOf(resealed(kit, { [part]: change }), builder),
      );
    },
  );

  it('is refused when an approval in its charter is not genuine', () => {
    const builder = firm();
    const kit = kitOf(builder);
    const forged = structuredClone(kit.charter);
    const last = forged.at(-1)!;
    if (last.intent.act.kind === 'destination.approve') last.intent.act.address = 'bcrt1qnobody';
    expect(refusalOf(resealed(kit, { charter: forged }), builder)).toMatch(/^(approval|intent|address)\./);
  });
});
