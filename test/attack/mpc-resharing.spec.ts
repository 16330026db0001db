import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { FrostGroup, SignedMessage } from '@bulkhead/keys';
import { orThrow, type Result } from '@bulkhead/intent';
import { EVERY_SIGNER, type SignerName } from '../../apps/cli/src/stack/index.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { heardBy, MpcSessions, type RanSession, type ReshareTerms } from '../support/mpc-sessions.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(180_000);

const EVERYBODY = EVERY_SIGNER;
const NEW: readonly SignerName[] = ['signer-b', 'signer-c', 'signer-d'];

/** What somebody who took over the orchestrator can do with the sessions that take shares to other members. */
describe('a hostile carrier of a resharing', () => {
  let firm: MpcFirm;
  let sessions: MpcSessions;
  let previous: FrostGroup;
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-freeze-'));
  const freezeFile = join(folder, 'freeze');
  beforeAll(async () => {
    firm = await MpcFirm.start({}, { freezeFile });
    sessions = new MpcSessions(firm);
    await firm.enrolSpare();
    previous = await firm.group();
  });
  afterAll(async () => {
    await firm.processes.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const termsOf = (changes: Partial<ReshareTerms> = {}): ReshareTerms =>
    sessions.termsOf({ members: [...NEW], previous, ...changes });
  const announce = async (changes: Partial<ReshareTerms> = {}, id: SignerName = 'signer-a') =>
    codeOf(await firm.member(id).announce(termsOf(changes)));
  const prove = async (id: SignerName, ran: RanSession) => orThrow(await sessions.prove(id, ran));
  const signs = async (members: readonly SignerName[]) => codeOf(await firm.sign(firm.fresh(), members));

  it('gets nothing dealt that no act permits', async () => {
    expect(await announce()).toBe('charter.act-not-allowed');
    expect(await announce({}, 'signer-d')).toBe('charter.act-not-allowed');
    expect(codeOf(await firm.member('signer-a').using('alpha-tap'))).toBe('charter.act-not-allowed');
    expect(codeOf(await firm.member('signer-a').release('alpha-tap', []))).toBe('charter.act-not-allowed');
  });

  it('gets nothing dealt to others than the act names, with another threshold, or by another permit', async () => {
    await firm.permit(NEW, 2, EVERYBODY);
    expect(await announce({ members: ['signer-c', 'signer-d'] })).toBe('charter.act-not-allowed');
    expect(await announce({ members: ['signer-a', 'signer-c', 'signer-d'] })).toBe('charter.act-not-allowed');
    expect(await announce({ threshold: 3 })).toBe('charter.act-not-allowed');
    expect(await announce({ permit: 2 })).toBe('charter.act-not-allowed');
    expect(await announce({ permit: undefined })).toBe('charter.act-not-allowed');
    expect(await announce({ dealers: ['signer-a'] })).toBe('request.malformed');
    expect(await announce({ dealers: ['signer-a', 'signer-d'] })).toBe('charter.act-not-allowed');
    expect(await announce({ previous: { ...previous, epoch: 7 } })).toBe('charter.act-not-allowed');
    const [first = '', second = '', third = ''] = previous.verifyingShares;
    expect(await announce({ previous: { ...previous, verifyingShares: [second, first, third] } })).toBe(
      'charter.act-not-allowed',
    );
    expect(await announce({ group: 'alpha-btc' })).toBe('charter.unknown-wallet');
  });

  it('cannot refresh away what a resharing will be dealt from, and the old members sign meanwhile', async () => {
    expect(codeOf(await firm.carrier.refresh(previous))).toBe('mpc.resharing-permitted');
    expect(await signs(['signer-a', 'signer-b'])).toBe('accepted');
  });

  it('gets nothing out of a session that it abandons, repeats, or mixes with another', async () => {
    const abandoned = termsOf();
    const first = await sessions.announced(abandoned);
    await sessions.dealt(abandoned, first);
    expect(await announce({ session: abandoned.session })).toBe('mpc.session-unknown');
    const other = termsOf();
    const second = await sessions.announced(other);
    const crossed = heardBy('signer-b', [...first.filter(({ message }) => message.from === 'signer-a'), ...second]);
    const mixed = crossed.filter(
      ({ message }, place) => crossed.findIndex((each) => each.message.from === message.from) === place,
    );
    expect(codeOf(await firm.member('signer-b').deal(other.session, mixed))).toBe('mpc.message-invalid');
    expect(codeOf(await firm.member('signer-b').deal(other.session, heardBy('signer-b', second)))).toBe(
      'mpc.session-unknown',
    );
    // what was dealt in one session cannot be confirmed in another
    const [third, fourth] = [termsOf(), termsOf()];
    const dealtInThird = await sessions.dealt(third, await sessions.announced(third));
    await sessions.dealt(fourth, await sessions.announced(fourth));
    expect(codeOf(await firm.member('signer-c').confirm(fourth.session, heardBy('signer-c', dealtInThird)))).toBe(
      'mpc.message-invalid',
    );
    expect(await signs(['signer-a', 'signer-c'])).toBe('accepted');
  });

  it('gets no step of a session from a signer that its operator has frozen, nor the proof of a share', async () => {
    const frozen = async (attempt: () => Promise<Result<unknown>>) => {
      writeFileSync(freezeFile, '');
      const code = codeOf(await attempt());
      rmSync(freezeFile);
      return code;
    };
    const member = firm.member('signer-b');
    const [one, two, three] = [termsOf(), termsOf(), termsOf()];
    expect(await frozen(() => member.announce(one))).toBe('signer.frozen-locally');
    const first = await sessions.announced(two);
    expect(await frozen(() => member.deal(two.session, heardBy('signer-b', first)))).toBe('signer.frozen-locally');
    const deals = await sessions.dealt(three, await sessions.announced(three));
    expect(await frozen(() => member.confirm(three.session, heardBy('signer-b', deals)))).toBe('signer.frozen-locally');
    const ran = await sessions.run(termsOf());
    const heard = heardBy('signer-b', ran.confirmations);
    expect(await frozen(() => member.prove(ran.group, heard))).toBe('signer.frozen-locally');
    expect(codeOf(await member.prove(ran.group, heard))).toBe('accepted');
  });

  it('cannot use what was dealt before the act that names it, nor have it named before all keep it', async () => {
    const ran = await sessions.run(termsOf());
    const [one] = ran.confirmations;
    expect(codeOf(await sessions.activate('signer-c', ran))).toBe('charter.act-not-allowed');
    expect(codeOf(await firm.member('signer-d').group('alpha-tap'))).toBe('mpc.group-unknown');
    expect(codeOf(await firm.member('signer-d').prove(ran.group, one ? [one] : []))).toBe('mpc.message-invalid');
    expect(await signs(['signer-a', 'signer-b'])).toBe('accepted');
    expect((await firm.sign(firm.fresh(), ['signer-c', 'signer-d'])).ok).toBe(false);
  });

  it('cannot have two sessions crossed: the act names the shares of one, and they alone are used', async () => {
    const [one, two] = [await sessions.run(termsOf()), await sessions.run(termsOf())];
    const ofOne = await Promise.all(NEW.map((id) => prove(id, one)));
    const ofTwo = await Promise.all(NEW.map((id) => prove(id, two)));
    const mixed = ofOne.map((key, place) => (place === 1 ? (ofTwo[place] ?? key) : key));
    await expect(firm.switchTo(mixed, EVERYBODY)).rejects.toThrow('bitcoin.wallet-malformed');
    await firm.switchTo(ofOne, EVERYBODY);
    for (const id of NEW) expect(codeOf(await sessions.activate(id, two))).toBe('charter.act-not-allowed');
    expect(await signs(['signer-c', 'signer-d'])).toBe('accepted');
    expect(await announce()).toBe('charter.act-not-allowed');
  });

  it('cannot have the old shares destroyed before every new member uses its own', async () => {
    const using = (await Promise.all(NEW.map(async (id) => orThrow(await firm.member(id).using('alpha-tap'))))).flat();
    expect(codeOf(await firm.member('signer-a').using('alpha-tap'))).toBe('mpc.group-unknown');
    const [b, c, d] = using;
    if (!b || !c || !d) throw new Error('they do not say so');
    const release = async (...messages: SignedMessage[]) =>
      codeOf(await firm.member('signer-a').release('alpha-tap', messages));
    expect(await release(b, c)).toBe('mpc.message-invalid');
    expect(await release(b, c, c)).toBe('mpc.message-invalid');
    expect(await release(b, c, { ...c, message: { ...c.message, from: 'signer-d' } })).toBe('mpc.message-invalid');
    expect(await release(b, c, d)).toBe('accepted');
  });

  it('cannot keep the end of a permit from a signer, nor the switch from those who have left', async () => {
    previous = await firm.group();
    const { charter } = firm.processes;
    const dealers: SignerName[] = ['signer-b', 'signer-c'];
    await firm.permit(['signer-a', 'signer-b', 'signer-c'], 2, EVERYBODY);
    charter.append({ kind: 'mpc-wallet.withdraw', wallet: 'alpha-tap' });
    await firm.push(['signer-c']);
    const stale = { members: ['signer-a', 'signer-b', 'signer-c'], dealers };
    expect(await announce(stale, 'signer-b')).toBe('charter.act-not-allowed');

    // nor use a session that was begun before it: shares leave only while the permit stands
    await firm.permit(['signer-a', 'signer-b', 'signer-c'], 2, EVERYBODY);
    const terms = termsOf(stale);
    const begun = await Promise.all(
      (['signer-a', 'signer-b', 'signer-c'] as const).map(async (id) => orThrow(await firm.member(id).announce(terms))),
    );
    charter.append({ kind: 'mpc-wallet.withdraw', wallet: 'alpha-tap' });
    await firm.push(['signer-b']);
    expect(codeOf(await firm.member('signer-b').deal(terms.session, heardBy('signer-b', begun.flat())))).toBe(
      'charter.act-not-allowed',
    );

    await firm.permit(['signer-a', 'signer-b', 'signer-c'], 2, EVERYBODY);
    const keys = orThrow(await firm.reshare(dealers));
    await firm.switchTo(keys, ['signer-a', 'signer-c']);
    // signer-b and signer-d were not told, and could make a quorum of those before
    expect(codeOf(await firm.member('signer-d').promise(firm.fresh()))).toBe('signer.wrong-wallet');
    expect(await signs(['signer-a', 'signer-b'])).toBe('accepted');
  });
});
