import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { USUAL_RULES, type Act, type Limits } from '@bulkhead/charter';
import { developmentDevice } from '../../apps/cli/src/members/development-members.js';
import type { MemberDevice } from '../../apps/cli/src/members/member-device.js';
import { Bulkhead } from '../support/bulkhead.js';
import { bulkheadCli, type CliAnswer } from '../support/bulkhead-cli.js';

jest.setTimeout(180_000); // a whole stack on a busy machine

interface Incident {
  readonly id: string;
  readonly kind: string;
  readonly detail: Readonly<Record<string, string>>;
}

let bulkhead: Bulkhead;
let limits: Limits;
let erika: MemberDevice;
beforeAll(async () => {
  bulkhead = await Bulkhead.start();
  limits = (await bulkhead.get<{ limits: Limits }>('/v1/charter')).limits;
  erika = developmentDevice(bulkhead.stack.layout.members, 'erika');
}, 200_000);
afterAll(() => bulkhead.stop(), 60_000);

const cli = (...typed: readonly string[]): Promise<CliAnswer> => bulkheadCli(bulkhead.stack.root, ...typed);

/** An act in a file, as an officer would have it. */
function inFile(name: string, act: Act): string {
  const file = join(bulkhead.stack.root, `${name}.json`);
  writeFileSync(file, JSON.stringify(act));
  return file;
}

const intentIn = ({ output }: CliAnswer): string => {
  const id = /intent ([0-9a-f-]{36}) \(/.exec(output)?.[1];
  if (id === undefined) throw new Error(`no intent in: ${output}`);
  return id;
};

describe('bulkhead charter', () => {
  it('shows what is in force, says so when nothing waits, and helps', async () => {
    const shown = await cli('charter', 'show');
    expect(shown).toMatchObject({ status: 0, error: '' });
    expect(shown.output).toMatch(/carla +compliance +carla-1 \(p256\)/);
    expect(shown.output).toMatch(/wallet\.open +operator +1 operator and 1 compliance/);
    expect(shown.output).toMatch(/signer-c +live/);
    expect((await cli('charter', 'pending')).output).toBe('No act waits for approvals.\nNo act waits out a delay.\n');
    expect((await cli('charter', 'entries')).output).toMatch(/firm#0 +genesis +olivia/);
    expect((await cli('charter', 'propose', '--help')).output).toContain('Exit status 0');
    expect((await cli('incidents')).output).toBe('No incident is open.\n');
  });

  it('tries an act without proposing it: who decides it, and after what delay', async () => {
    const raise = inFile('raise', { kind: 'limits.set', limits: { ...limits, maxFeeSat: '300000' } });
    const lower = inFile('lower', { kind: 'limits.set', limits: { ...limits, maxFeeSat: '100000' } });
    expect((await cli('charter', 'propose', raise, '--dry-run')).output).toMatch(
      /limits\.maxFeeSat +300000[^]*decided by +limits\.raise: 1 operator and 1 compliance/,
    );
    expect((await cli('charter', 'propose', lower, '--dry-run')).output).toMatch(
      /decided by +limits\.lower: 1 operator\n[^]*none: in force at once[^]*nothing was proposed/,
    );
    expect((await cli('charter', 'pending')).output).toContain('No act waits for approvals.');
  });

  it('refuses with the reason, what to do, and exit status 1', async () => {
    const client = inFile('client', { kind: 'client.open', owner: { id: 'delta', name: 'Delta' } });
    const byEngineer = await cli('charter', 'propose', client, '--as', 'erika');
    expect(byEngineer.status).toBe(1);
    expect(byEngineer.error).toMatch(/approval\.not-eligible[^]*initiators=operator[^]*→ Have a member of a role/);
    const nobody = inFile('nobody', { kind: 'member.revoke', member: 'nobody' });
    expect(await cli('charter', 'propose', nobody)).toMatchObject({
      status: 1,
      error: expect.stringContaining('approval.unknown-member'),
    });
    writeFileSync(join(bulkhead.stack.root, 'bad.json'), '{"kind":"limits.set"}');
    expect((await cli('charter', 'propose', join(bulkhead.stack.root, 'bad.json'))).error).toContain('no act');
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect(await cli('charter', 'enact', unknown)).toMatchObject({
      status: 1,
      error: expect.stringMatching(/charter\.nothing-pending[^]*See what waits/),
    });
  });

  it('proposes, withdraws, rejects and approves, and shows what is missing', async () => {
    const file = inFile('omega', { kind: 'client.open', owner: { id: 'omega', name: 'Omega' } });
    const proposed = await cli('charter', 'propose', file);
    const id = intentIn(proposed);
    expect(proposed.output).toMatch(/is PENDING_APPROVAL\.\nIt still needs: 1 operator, 1 compliance/);
    expect((await cli('charter', 'approve', id, '--as', 'carla')).output).toContain('It still needs: 1 operator.');
    expect((await cli('charter', 'withdraw', id, '--as', 'carla')).output).toContain('1 operator, 1 compliance');
    const again = await cli('charter', 'approve', id, '--as', 'carla');
    expect(again).toMatchObject({ status: 1, error: expect.stringContaining('approval.withdrawn') });
    expect((await cli('charter', 'pending')).output).toMatch(new RegExp(`${id} +client.open +olivia`));
    const view = await bulkhead.get<{ approvals: object[]; governedBy: string; missing: string }>(
      `/v1/charter/intents/${id}`,
    );
    expect(view).toMatchObject({ governedBy: 'client.open', missing: '1 operator, 1 compliance' });
    expect(view.approvals).toEqual([
      { member: 'carla', decision: 'APPROVE', stands: false },
      { member: 'carla', decision: 'WITHDRAW', stands: false },
    ]);
    expect((await cli('charter', 'reject', id, '--as', 'omar')).output).toContain('is REJECTED');

    const next = intentIn(await cli('charter', 'propose', file));
    await cli('charter', 'approve', next, '--as', 'omar');
    const done = await cli('charter', 'approve', next, '--as', 'carla');
    expect(done.output).toMatch(/owner\.name +Omega[^]*is ENACTED/);
    expect((await cli('charter', 'entries')).output).toMatch(/client:omega#0 +client\.open +olivia +omar, carla/);
  });
});

describe('an emergency', () => {
  const everybody = 'omar,oskar,carla,erika';
  const freeze = { kind: 'freeze', scope: { of: 'firm' }, reason: 'a key is out' } as const;
  const opened = async (): Promise<Incident[]> =>
    (await bulkhead.get<Incident[]>('/v1/incidents?status=OPEN')).filter(({ kind }) => kind === 'charter.break-glass');

  it('takes its larger quorum and its delay, opens an incident at once, and can be vetoed', async () => {
    const file = inFile('freeze', freeze);
    const broken = await cli('charter', 'break-glass', file, '--reason', 'the desk is on fire', '--approve', everybody);
    const id = intentIn(broken);
    expect(broken.output).toMatch(/decided by +break-glass: 2 operator and 1 compliance and 1 engineer/);
    expect(broken.output).toMatch(/is ENACTED\.\nIt waits until /);
    expect(await opened()).toEqual([
      expect.objectContaining({
        detail: expect.objectContaining({ phase: 'ENACTED', intent: id, act: 'freeze', reason: 'the desk is on fire' }),
      }),
    ]);
    const pending = (await cli('charter', 'pending')).output;
    expect(pending).toMatch(new RegExp(`${id} +break-glass: freeze +\\S+ +the desk is on fire`));
    const { pending: waiting } = await bulkhead.get<{ pending: object[] }>('/v1/charter');
    expect(waiting).toEqual([
      expect.objectContaining({ intent: id, kind: 'break-glass', reason: 'the desk is on fire' }),
    ]);
    const early = await cli('charter', 'enact', id, '--approve', everybody);
    expect(early).toMatchObject({ status: 1, error: expect.stringMatching(/charter\.delay-not-over[^]*Wait until/) });
    expect((await cli('charter', 'veto', id, '--as', 'carla', '--approve', 'omar')).output).toContain('is ENACTED');
    expect((await cli('charter', 'pending')).output).toContain('No act waits out a delay.');
    expect((await bulkhead.get<{ frozen: object }>('/v1/charter')).frozen).toEqual({});
  });

  it('opens another incident when it comes into force; a quorum closes both', async () => {
    const { cast } = bulkhead;
    const delaySeconds = { 'break-glass': 1 };
    const rules: Act = { kind: 'rules.set', rules: { ...USUAL_RULES, delaySeconds } };
    let shorter = await cast.client.proposeAct(cast.olivia, rules);
    for (const device of [cast.omar, cast.carla]) shorter = await cast.client.approveAct(device, shorter);
    await sleep(5_500); // what shortens delays waits out the longest of them
    await cast.client.enact({ kind: 'pending.enact', intent: shorter.id }, cast.olivia, [cast.omar]);
    const file = inFile('freeze', freeze);
    const id = intentIn(await cli('charter', 'break-glass', file, '--reason', 'a key is out', '--approve', everybody));
    await sleep(1_500);
    const enacted = await cli('charter', 'enact', id, '--approve', everybody);
    expect(enacted.output).toContain('is ENACTED');
    expect((await bulkhead.get<{ frozen: object }>('/v1/charter')).frozen).toEqual({ firm: 'a key is out' });
    const open = await opened();
    expect(open.map(({ detail }) => detail['phase'])).toEqual(['IN_FORCE', 'ENACTED', 'ENACTED']);
    const listed = await cli('incidents');
    expect(listed).toMatchObject({ status: 1, output: expect.stringMatching(/charter\.break-glass +\(firm\)/) });
    for (const { id: incident } of open) {
      await cast.enact({ kind: 'incident.close', incident, resolution: 'The key was found.', release: false });
    }
    expect(await cli('incidents')).toMatchObject({ status: 0 });
    expect((await cli('incidents', '--all')).output).toContain('The key was found.');
    const [first] = open;
    const closed = { kind: 'incident.close', incident: first!.id, resolution: 'Again.', release: false } as const;
    await expect(cast.client.proposeAct(cast.olivia, closed)).rejects.toThrow(/intent\.state/);
    await expect(cast.client.proposeAct(erika, closed)).rejects.toThrow(/approval\.not-eligible/);
  });
});

describe('bulkhead decisions verify', () => {
  it('verifies every signer’s chain', async () => {
    const verified = await cli('decisions', 'verify');
    expect(verified.status).toBe(0);
    expect(verified.output).toMatch(/signer-a: 0 decisions, one chain/);
  });
});
