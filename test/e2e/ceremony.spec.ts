import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyEntry, charterEntrySchema, entryHash } from '@bulkhead/charter';
import { verifyTranscript } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore } from '@bulkhead/keys';
import { jest } from '@jest/globals';
import { CeremonyTable, PROFILE, SIGNERS } from '../support/ceremony-table.js';
import { bulkhead, startBulkheadCommand } from '../support/run-bulkhead.js';

jest.setTimeout(120_000);

describe('a genesis ceremony', () => {
  const table = new CeremonyTable();
  afterAll(() => {
    table.clear();
  });

  it('stops at the first step that its witness does not sign, and does not go past it', async () => {
    table.takeAway('carla');
    for (const attempt of [1, 2]) {
      expect(await table.run()).toMatchObject({
        status: 1,
        output: expect.stringContaining('Step roles is not signed by its witness, carla.'),
      });
      const results = table.lines.filter((line) => line.includes('"kind":"result"'));
      expect({ attempt, results: results.length }).toEqual({ attempt, results: 1 });
    }
    expect(await table.verify()).toMatchObject({
      status: 1,
      output: expect.stringContaining('ceremony.step-unsigned'),
    });
  });

  it('is not taken up with another plan than it was begun with, nor by other means of signing', async () => {
    const agreed = readFileSync(table.plan, 'utf8');
    const lines = table.lines.filter((line) => !line.includes('taken up again'));
    for (const [said, changed] of [
      ['"recoveryDelayBlocks":4320', '"recoveryDelayBlocks":1'],
      ['"threshold":2,"recovery"', '"threshold":3,"recovery"'],
      ['"maxFeeSat":"100000"', '"maxFeeSat":"900000"'],
      ['"name":"Rehearsal"', `"name":"Rehearsal","toolSha256":"${'f'.repeat(64)}"`],
    ] as const) {
      expect(agreed).toContain(said);
      writeFileSync(table.plan, agreed.replace(said, changed));
      expect(await table.run()).toMatchObject({
        status: 1,
        output: expect.stringMatching(/The transcript is of plan [0-9a-f]{64}, and the plan given now is/),
      });
    }
    writeFileSync(table.plan, agreed);
    expect(await table.atTerminal(() => '')).toMatchObject({
      status: 1,
      output: expect.stringContaining('was begun as rehearsal ceremony, and this is a terminal one'),
    });
    expect(table.lines.filter((line) => !line.includes('taken up again'))).toEqual(lines);
  });

  it('is killed in the middle, twice, and goes on from where it was', async () => {
    table.bring('carla');
    for (const lines of [20, 30]) {
      const ceremony = startBulkheadCommand(table.arguments());
      const ended = once(ceremony, 'exit');
      while (table.lines.length < lines && ceremony.exitCode === null) await new Promise((next) => setTimeout(next, 5));
      ceremony.kill('SIGKILL');
      await ended;
      // a line that was being written when the power went
      appendFileSync(table.transcript, '{"at":"2026-');
    }
    expect(await table.run()).toMatchObject({ status: 0, output: expect.stringContaining('The ceremony is closed') });
    const finished = orThrow(verifyTranscript(readFileSync(table.transcript, 'utf8')));
    expect(finished.signed.map(({ id }) => id)).toEqual([
      'roles',
      'tool',
      ...SIGNERS.flatMap((signer) => [`module:${signer}`, `token:${signer}`, `keys:${signer}`]),
      'wallets',
      'genesis',
    ]);
    expect(table.lines.filter((line) => line.includes('taken up again')).length).toBeGreaterThanOrEqual(3);
  });

  it('ends with a genesis that begins a charter, signed by everybody', async () => {
    const entry = charterEntrySchema.parse(JSON.parse(readFileSync(table.path('genesis.json'), 'utf8')));
    const { members, signers } = orThrow(applyEntry(undefined, entry));
    expect(members.size).toBe(table.everybody.length);
    const { signed } = orThrow(verifyTranscript(readFileSync(table.transcript, 'utf8')));
    for (const id of SIGNERS)
      expect(signers.get(id)?.tokenSerial).toBe(signed.find((step) => step.id === `token:${id}`)!.facts.serial);
    const verified = await bulkhead('verify', 'transcript', table.transcript, '--firm', entryHash(entry));
    expect(verified).toMatchObject({ status: 0, output: expect.stringContaining(`Genesis ${entryHash(entry)}`) });
    expect(verified.output).toContain('A REHEARSAL: everybody’s key was in one folder.');
    expect(await bulkhead('verify', 'transcript', table.transcript, '--firm', 'f'.repeat(64))).toMatchObject({
      status: 1,
    });
  });

  it('says of each key what its token says', async () => {
    const { signed } = orThrow(verifyTranscript(readFileSync(table.transcript, 'utf8')));
    for (const signer of SIGNERS) {
      const { facts } = signed.find(({ id }) => id === `keys:${signer}`)!;
      const store = await openKeyStore({
        profile: PROFILE,
        tokenLabel: signer,
        pinFile: table.path(`${signer}.pin`),
        env: table.environment(signer),
      });
      expect(facts['house-btc key']).toBe(orThrow(await store.publicKey('house-btc')).publicKey);
      expect(facts['house-btc attributes']).toContain('extractable=false');
      const { serial } = orThrow(await store.tokenInfo());
      expect(signed.find(({ id }) => id === `token:${signer}`)!.facts).toMatchObject({ serial, label: signer });
      await store.close();
    }
    expect(signed.find(({ id }) => id === 'wallets')!.facts['house-btc descriptor']).toMatch(/^wsh\(or_d\(multi\(2,/);
  });

  it('is refused by who checks it when one fact was changed, or its end cut off', async () => {
    const text = readFileSync(table.transcript, 'utf8');
    const forged = table.path('forged.jsonl');
    writeFileSync(forged, text.replace('extractable=false', 'extractable=true '));
    expect(await table.verify(forged)).toMatchObject({
      status: 1,
      output: expect.stringMatching(/ceremony\.tampered/),
    });
    writeFileSync(forged, text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1));
    expect(await table.verify(forged)).toMatchObject({
      status: 1,
      output: expect.stringMatching(/ceremony\.incomplete/),
    });
  });

  it('asks each at the terminal, and does a step again that its witness rejects', async () => {
    const live = new CeremonyTable({ wallets: [] });
    const keyOf = (name: string): string => join(live.keys, `${name}.pem`);
    const rejecting = await live.atTerminal((asked) => (asked === 'carla' ? `reject ${keyOf(asked)}` : keyOf(asked)));
    expect(rejecting).toMatchObject({ status: 1, output: expect.stringContaining('carla has rejected step roles') });
    expect(await live.atTerminal((asked) => (asked === 'oskar' ? '' : keyOf(asked)))).toMatchObject({
      status: 1,
      output: expect.stringContaining('Step tool is not signed by its witness, oskar'),
    });
    const { status, output } = await live.atTerminal(keyOf);
    expect(status).toBe(0);
    for (const { id, keys } of live.everybody) {
      const [shown] = new RegExp(`The genesis, for ${id} to read and sign:[^]*?\\b${id}: signs that`).exec(output)!;
      expect(shown).toContain(`member ${id}: ${id}, person ${id}`);
      expect(shown).toContain(keys[0]!.publicKey);
      for (const signer of SIGNERS)
        expect(shown).toMatch(new RegExp(`signer ${signer}: token [0-9a-f]{16}, certificate`));
      expect(shown).toContain(
        'quorum transfer.PAYMENT: started by operator; approved by 1 of operator and 1 of compliance',
      );
      expect(shown).toContain('limit maxFeeSat: 100000');
      expect(shown).toContain('rule fewestApprovers: 1');
      expect(shown).toContain('policies: the default ones of the program');
    }
    const verified = await live.verify();
    expect(verified).toMatchObject({ status: 0, output: expect.stringContaining('Its people signed at the terminal') });
    live.clear();
  });

  it('is done once: the same command changes nothing any more', async () => {
    const before = readFileSync(table.transcript, 'utf8');
    expect(await table.run()).toMatchObject({ status: 0 });
    expect(readFileSync(table.transcript, 'utf8')).toBe(before);
  });
});

describe('a ceremony with another program or module than announced', () => {
  const announced = 'f'.repeat(64);

  it('stops at the program', async () => {
    const table = new CeremonyTable({ toolSha256: announced });
    expect(await table.run()).toMatchObject({
      status: 1,
      output: expect.stringMatching(/The program’s SHA-256 is [0-9a-f]{64}, and f{64} was announced/),
    });
    expect(table.lines.at(-1)).toContain('was announced');
    table.clear();
  });

  it('stops at the module, at its firmware and at another token’s serial number, before a key is made', async () => {
    const table = new CeremonyTable();
    const plan = JSON.parse(readFileSync(table.plan, 'utf8')) as {
      tokens: Record<string, unknown>[];
      genesis: { signers: Record<string, unknown>[] };
    };
    const told = async (): Promise<string> => {
      writeFileSync(table.plan, JSON.stringify(plan));
      rmSync(table.transcript, { force: true });
      const { status, output } = await table.run();
      return status === 1 ? output : `status ${status}`;
    };
    plan.tokens[0]!.librarySha256 = announced;
    expect(await told()).toContain('The library’s SHA-256');
    delete plan.tokens[0]!.librarySha256;
    plan.tokens[0]!.firmware = '99.99';
    expect(await told()).toMatch(/The firmware is \S+, and 99\.99 was announced/);
    expect(existsSync(table.path('signer-a.pin'))).toBe(false);
    delete plan.tokens[0]!.firmware;
    plan.genesis.signers[0]!.tokenSerial = 'another';
    expect(await told()).toMatch(/serial number is [0-9a-f]{16}, and another was announced/);
    expect(table.lines.filter((line) => line.includes('keys:signer-a'))).toHaveLength(1);
    table.clear();
  });
});
