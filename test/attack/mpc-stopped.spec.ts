import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import type { Act } from '@bulkhead/charter';
import { outputKey, sealKeyOf, type FrostGroup } from '@bulkhead/keys';
import { orThrow } from '@bulkhead/intent';
import pg from 'pg';
import { EVERY_SIGNER, SIGNER_NAMES, type SignerName } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { after } from '../support/key-acts.js';
import { MpcFirm, walletOf } from '../support/mpc-firm.js';
import { heardBy, MpcSessions, type RanSession } from '../support/mpc-sessions.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(240_000); // real processes on a busy machine

/** Of what is dated back here: long enough to ask all that is refused meanwhile. */
const DELAY_S = 15;
const NEW: readonly SignerName[] = ['signer-b', 'signer-c', 'signer-d'];

/** Shares that are dealt cannot be taken back, and what is destroyed is gone: neither is done sooner than it may be stopped. */
describe('a carrier that dates acts back, or meets signers that their operators have frozen,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-freeze-'));
  const freezeFile = join(folder, 'freeze');
  let firm: MpcFirm;
  let sessions: MpcSessions;
  let old: FrostGroup;
  let ran: RanSession;
  beforeAll(async () => {
    const rules = { delaySeconds: { 'mpc-wallet.reshare': DELAY_S, 'calendar.set': DELAY_S } };
    firm = await MpcFirm.start({ rules }, { freezeFile });
    sessions = new MpcSessions(firm);
    await firm.enrolSpare();
    old = await firm.group();
  });
  afterAll(async () => {
    await firm.processes.stop();
    rmSync(folder, { recursive: true });
  });

  /** In force at once, by the date of whoever enacts it. */
  async function tooSoon(act: Act): Promise<void> {
    await sleep(DELAY_S * 1_000); // no entry is dated before the one that it follows
    const { charter } = firm.processes;
    const { intent } = charter.append(act, after(-DELAY_S));
    charter.append({ kind: 'pending.enact', intent: intent.id });
    await firm.push(EVERY_SIGNER);
  }
  const unsettled = () =>
    tooSoon({
      kind: 'calendar.set',
      calendar: { timeZone: 'UTC', workdays: ['MONDAY'], openMinute: 0, closeMinute: 60, holidays: [] },
    });
  const settled = (what: string, ask: () => Promise<string>) =>
    until(what, async () => {
      const code = await ask();
      if (code !== 'accepted') expect(code).toBe('charter.delay-not-over');
      return code === 'accepted' ? true : undefined;
    });
  const permitted = () => sessions.termsOf({ previous: old, members: [...NEW] });
  const announce = async (id: SignerName) => codeOf(await firm.member(id).announce(permitted()));

  it('gets nothing dealt by a permit before its delay is over by the signers’ own clocks', async () => {
    await tooSoon({ kind: 'mpc-wallet.reshare', wallet: 'alpha-tap', members: [...NEW], threshold: 2 });
    expect(firm.processes.charter.state.resharings.get('alpha-tap')?.permit).toBeDefined();
    for (const id of EVERY_SIGNER) expect([id, await announce(id)]).toEqual([id, 'charter.delay-not-over']);
    for (const id of EVERY_SIGNER) await settled('the end of the delay', () => announce(id));
  });

  it('gets no share out of a session, and no proof of one, while any act is in force too soon', async () => {
    ran = await sessions.run(permitted());
    const open = permitted();
    const announced = await sessions.announced(open);
    await unsettled();
    const deal = async () => codeOf(await firm.member('signer-a').deal(open.session, heardBy('signer-a', announced)));
    const codes = [await deal()];
    for (const id of NEW) codes.push(codeOf(await sessions.prove(id, ran)));
    expect(codes).toEqual(Array.from({ length: 4 }, () => 'charter.delay-not-over'));
    // what was refused is over
    await settled('a proof', async () => codeOf(await sessions.prove('signer-d', ran)));
    expect(await deal()).toBe('mpc.session-unknown');
  });

  describe('has no share destroyed, nor what sealed it:', () => {
    let refresh: RanSession;
    let twin: FrostGroup;
    const using = async () =>
      (await Promise.all(NEW.map(async (id) => orThrow(await firm.member(id).using('alpha-tap'))))).flat();
    let words: Awaited<ReturnType<typeof using>>;
    const release = async () => codeOf(await firm.member('signer-a').release('alpha-tap', words));
    const activate = async () => codeOf(await sessions.activate('signer-b', refresh));
    const sealKeys = async () =>
      orThrow(await firm.processes.client('signer-a').keyReport())
        .keys.filter(({ keyClass, inToken }) => keyClass === 'SEAL' && inToken)
        .map(({ label }) => label);
    const statesAt = async (id: SignerName, group: FrostGroup) => {
      const database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl(id) });
      await database.connect();
      const { rows } = await database.query<{ said: string }>(
        `select state || ' ' || epoch as said from frost_share where output_key = $1 order by epoch`,
        [outputKey(group)],
      );
      await database.end();
      return [...new Set(rows.map(({ said }) => said))];
    };
    /** An entry of no weight, at which signers look for what they may destroy. */
    async function looked(id: string): Promise<void> {
      firm.processes.charter.append({ kind: 'client.open', owner: { id, name: id } });
      await firm.push(EVERY_SIGNER);
      await sleep(2_000);
    }
    const twinIsThere = async () => {
      expect(await sealKeys()).toContain(sealKeyOf(twin));
      expect(await statesAt('signer-a', twin)).toEqual(['ACTIVE 0']);
    };
    const oldIsThere = async () => {
      expect(await sealKeys()).toContain(sealKeyOf(old));
      expect(await statesAt('signer-a', old)).toContain('ACTIVE 0');
      expect(await statesAt('signer-b', old)).toContain('ACTIVE 1');
    };

    beforeAll(async () => {
      await firm.switchTo(
        await Promise.all(NEW.map(async (id) => orThrow(await sessions.prove(id, ran)))),
        EVERY_SIGNER,
      );
      words = await using();
      refresh = await sessions.run(
        sessions.termsOf({ previous: ran.group, members: [...NEW], dealers: [...NEW], permit: undefined }),
      );
      const chosen = orThrow(await firm.carrier.generate('other-tap', 2, SIGNER_NAMES));
      twin = orThrow(await firm.carrier.generate('other-tap', 2, SIGNER_NAMES));
      writeFileSync(freezeFile, '');
      firm.processes.charter.append({ kind: 'wallet.open', wallet: walletOf(chosen) });
      await firm.push(EVERY_SIGNER);
    });

    it('none that nobody opened while the operator has frozen the signer', async () => {
      await looked('beta');
      await twinIsThere();
    });

    it('none that others have taken the place of while the operator has frozen the signer', async () => {
      expect(codeOf(await firm.member('signer-b').using('alpha-tap'))).toBe('signer.frozen-locally');
      expect([await release(), await activate()]).toEqual(['signer.frozen-locally', 'signer.frozen-locally']);
      await oldIsThere();
    });

    it('none that others have taken the place of while an act is in force too soon', async () => {
      await unsettled();
      rmSync(freezeFile);
      expect([await release(), await activate()]).toEqual(['charter.delay-not-over', 'charter.delay-not-over']);
      await oldIsThere();
    });

    it('none that nobody opened while an act is in force too soon', async () => {
      await looked('gamma');
      expect(await activate()).toBe('charter.delay-not-over');
      await twinIsThere();
    });

    it('and all of it once nothing stops them', async () => {
      await settled('the release', release);
      await settled('the refresh', activate);
      await looked('delta');
      await until('the end of the share that nobody opened', async () =>
        (await statesAt('signer-a', twin)).join() === 'RETIRED 0' ? true : undefined,
      );
      expect(await statesAt('signer-a', old)).toEqual(['RETIRED 0']);
      expect(await statesAt('signer-b', old)).toEqual(['RETIRED 0', 'RETIRED 1', 'ACTIVE 2']);
      expect(await sealKeys()).not.toEqual(expect.arrayContaining([sealKeyOf(twin)]));
    });
  });
});
