import { codeOf } from '../../../test/support/outcome.js';
import { CharterBuilder, instant, type EntryOptions } from '../../../test/support/charter-builder.js';
import { openFirm, type CustodyFirm } from '../../../test/support/custody-firm.js';
import { SIGNER_RECORDS, threeKeys } from '../../../test/support/wallets.js';
import {
  activeKey,
  applyEntry,
  delayOf,
  governedBy,
  keyLife,
  USUAL_RULES,
  type Act,
  type BitcoinWallet,
  type GenesisAct,
  type Wallet,
} from './index.js';

const HOUR_S = 3_600;
const DELAYS = { 'key.activate': 600, 'key.destroy': HOUR_S };

interface Firm {
  readonly charter: CharterBuilder;
  readonly custody: CustodyFirm;
  readonly wallet: BitcoinWallet;
}

async function start(genesis: Partial<GenesisAct> = { rules: { delaySeconds: DELAYS } }): Promise<Firm> {
  const charter = CharterBuilder.start(SIGNER_RECORDS, { genesis });
  const custody = await openFirm(charter, threeKeys);
  return { charter, custody, wallet: custody.bitcoin.alpha };
}

type KeyKind = 'key.suspend' | 'key.activate' | 'key.retire' | 'key.destroy';
function act({ id, keys }: Pick<Wallet, 'id' | 'keys'>, kind: KeyKind, place: number): Act {
  const key = keys[place];
  if (!key) throw new Error(`no key ${place}`);
  const name = { wallet: id, ...key };
  return kind === 'key.suspend' || kind === 'key.retire' ? { kind, ...name, reason: 'a drill' } : { kind, ...name };
}

const tried = ({ charter }: Firm, one: Act, options: EntryOptions = {}): string =>
  codeOf(applyEntry(charter.state, charter.entry(one, options)));
function after(seconds: number): EntryOptions {
  const [now, expiresAt] = [instant(seconds * 1000), instant((seconds + HOUR_S) * 1000)];
  return { enactedAt: now, statementsExpireAt: expiresAt, intent: { createdAt: now, expiresAt } };
}
const states = ({ charter, wallet }: Firm): (string | undefined)[] =>
  wallet.keys.map((key) => keyLife(charter.state, { wallet: wallet.id, ...key })?.state);
const freezeWallet = (wallet: string): Act => ({ kind: 'freeze', scope: { of: 'wallet', wallet }, reason: 'given up' });

describe('the key of a wallet', () => {
  it('is active from the opening on, and signs nothing while it is suspended', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    expect(states(firm)).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
    const entry = charter.append(act(wallet, 'key.suspend', 0));
    expect(entry.intent.chain).toBe('client:alpha');
    expect(states(firm)).toEqual(['SUSPENDED', 'ACTIVE', 'ACTIVE']);
    expect(codeOf(activeKey(charter.state, wallet, 'signer-a'))).toBe('key.suspended');
    expect(activeKey(charter.state, wallet, 'signer-b')).toMatchObject({ ok: true, value: wallet.keys[1]?.publicKey });
    // no other wallet's
    expect(codeOf(activeKey(charter.state, firm.custody.bitcoin.beta, 'signer-a'))).toBe('accepted');
  });

  it('can be suspended at once whatever is left, and comes back after a delay', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    for (const place of [0, 1, 2]) charter.append(act(wallet, 'key.suspend', place));
    expect(states(firm)).toEqual(['SUSPENDED', 'SUSPENDED', 'SUSPENDED']);
    // again, for another reason
    expect(tried(firm, act(wallet, 'key.suspend', 0))).toBe('accepted');
    const activation = act(wallet, 'key.activate', 0);
    expect(delayOf(charter.state, activation as never)).toBe(DELAYS['key.activate']);
    const { intent } = charter.append(activation);
    expect(states(firm)[0]).toBe('SUSPENDED');
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(tried(firm, enact)).toBe('charter.delay-not-over');
    charter.append(enact, after(DELAYS['key.activate'] + 1));
    expect(states(firm)).toEqual(['ACTIVE', 'SUSPENDED', 'SUSPENDED']);
  });

  it('is not activated when it was retired while that waited', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    charter.append(act(wallet, 'key.suspend', 0));
    const { intent } = charter.append(act(wallet, 'key.activate', 0));
    charter.append(act(wallet, 'key.retire', 0));
    expect(tried(firm, { kind: 'pending.enact', intent: intent.id }, after(HOUR_S))).toBe('charter.nothing-pending');
  });

  it.each<[string, (firm: Firm) => Act]>([
    [
      'another public key',
      ({ wallet, custody }) => act({ ...wallet, keys: custody.bitcoin.beta.keys }, 'key.suspend', 0),
    ],
    ['another signer', ({ wallet }) => ({ ...act(wallet, 'key.suspend', 0), signer: 'signer-b' }) as Act],
    ['another wallet', ({ wallet }) => act({ ...wallet, id: 'beta-btc' }, 'key.suspend', 0)],
    ['no wallet', ({ wallet }) => act({ ...wallet, id: 'none' }, 'key.suspend', 0)],
  ])('is named by wallet, signer and public key, all three: not by %s', async (_what, named) => {
    const firm = await start();
    expect(tried(firm, named(firm))).toMatch(/^charter\.(unknown-key|act-not-allowed)$/);
  });
});

describe('retiring a key', () => {
  it('is for good, and leaves a quorum that can sign now', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    expect(governedBy(charter.state, act(wallet, 'key.retire', 0) as never)).toBe('key.retire');
    charter.append(act(wallet, 'key.retire', 0));
    expect(states(firm)).toEqual(['RETIRED', 'ACTIVE', 'ACTIVE']);
    for (const kind of ['key.activate', 'key.suspend', 'key.retire'] as const)
      expect(tried(firm, act(wallet, kind, 0))).toBe('charter.key-state');
    expect(tried(firm, act(wallet, 'key.retire', 1))).toBe('charter.quorum-unreachable');
  });

  it('does not count on a suspended key, which may never come back', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    charter.append(act(wallet, 'key.suspend', 0));
    expect(tried(firm, act(wallet, 'key.retire', 1))).toBe('charter.quorum-unreachable');
    // the suspended one itself is no loss
    expect(tried(firm, act(wallet, 'key.retire', 0))).toBe('accepted');
  });

  it('gives a wallet up only when that wallet is frozen, and as gravely as destroying', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    charter.append(act(wallet, 'key.retire', 0));
    const last = act(wallet, 'key.retire', 1);
    expect(governedBy(charter.state, last as never)).toBe('key.destroy');
    // a freeze of everything says nothing about this wallet
    charter.append({ kind: 'freeze', scope: { of: 'firm' }, reason: 'a drill' });
    expect(tried(firm, last)).toBe('charter.quorum-unreachable');
    charter.append(freezeWallet(wallet.id));
    const { omar, carla } = charter.members;
    expect(tried(firm, last, { approvers: [omar, carla] })).toBe('approval.quorum-not-met');
    const { intent } = charter.append(last);
    expect(states(firm)[1]).toBe('ACTIVE');
    charter.append({ kind: 'pending.enact', intent: intent.id }, after(HOUR_S + 1));
    expect(states(firm)).toEqual(['RETIRED', 'RETIRED', 'ACTIVE']);
    // what is given up already gets no worse
    expect(governedBy(charter.state, act(wallet, 'key.retire', 2) as never)).toBe('key.retire');
  });

  it('is weighed against the signers that are retired, and they against it', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    charter.append(act(wallet, 'key.retire', 0));
    expect(tried(firm, { kind: 'signer.retire', signer: 'signer-b' })).toBe('charter.quorum-unreachable');
    const other = await start();
    other.charter.append(act(other.custody.gasPayer, 'key.suspend', 0));
    other.charter.append({ kind: 'signer.retire', signer: 'signer-c' });
    expect(tried(other, act(other.wallet, 'key.retire', 0))).toBe('charter.quorum-unreachable');
    expect(tried(other, act(other.wallet, 'key.retire', 2))).toBe('accepted');
    other.charter.append(act(other.wallet, 'key.suspend', 2));
    expect(tried(other, act(other.wallet, 'key.activate', 2))).toBe('charter.signer-retired');
  });
});

describe('destroying a key', () => {
  it('is of a retired one only, by more people, after a delay in which it can be vetoed', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    const destroy = act(wallet, 'key.destroy', 0);
    expect(tried(firm, destroy)).toBe('charter.key-state');
    charter.append(act(wallet, 'key.suspend', 0));
    expect(tried(firm, destroy)).toBe('charter.key-state');
    charter.append(act(wallet, 'key.retire', 0));
    const { omar, carla } = charter.members;
    expect(tried(firm, destroy, { approvers: [omar, carla] })).toBe('approval.quorum-not-met');
    const vetoed = charter.append(destroy).intent.id;
    charter.append({ kind: 'pending.veto', intent: vetoed });
    const { intent } = charter.append(destroy);
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(tried(firm, enact, after(HOUR_S - 60))).toBe('charter.delay-not-over');
    charter.append(enact, after(HOUR_S + 1));
    expect(states(firm)).toEqual(['DESTROYED', 'ACTIVE', 'ACTIVE']);
    expect(tried(firm, destroy, after(HOUR_S + 2))).toBe('charter.key-state');
  });

  it('waits an hour where the rules do not say, and the hour is not cut short by changing the rules', async () => {
    const firm = await start({});
    const { charter, wallet } = firm;
    charter.append(act(wallet, 'key.retire', 0));
    expect(delayOf(charter.state, act(wallet, 'key.destroy', 0) as never)).toBe(HOUR_S);
    const shorter: Act = { kind: 'rules.set', rules: { ...USUAL_RULES, delaySeconds: { 'key.destroy': 0 } } };
    expect(governedBy(charter.state, shorter as never)).toBe('rules.loosen');
    expect(delayOf(charter.state, shorter as never)).toBe(HOUR_S);
  });

  it('takes more people than retiring, whoever sets the quorums', async () => {
    const firm = await start();
    const { charter } = firm;
    const { 'key.retire': quorum } = charter.state.quorums;
    if (!quorum) throw new Error('no quorum');
    expect(tried(firm, { kind: 'quorum.set', governed: 'key.destroy', quorum })).toBe('charter.below-floor');
    const alone = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] };
    // operators alone destroy nothing, and activate nothing
    expect(tried(firm, { kind: 'quorum.set', governed: 'key.activate', quorum: alone })).toBe('charter.duties-mixed');
  });
});

describe('a review of keys', () => {
  it('is written down for the wallet', async () => {
    const firm = await start();
    const { charter, wallet } = firm;
    const opening = charter.entries.find(({ intent }) => {
      return intent.act.kind === 'wallet.open' && intent.act.wallet.id === wallet.id;
    });
    expect(charter.state.keyReviews.get(wallet.id)).toBe(opening?.enactedAt);
    const { enactedAt } = charter.append({ kind: 'key.review', wallet: wallet.id, note: 'all three seen' });
    expect(charter.state.keyReviews.get(wallet.id)).toBe(enactedAt);
    expect(tried(firm, { kind: 'key.review', wallet: 'none', note: 'x' })).toBe('charter.unknown-wallet');
  });
});
