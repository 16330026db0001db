import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { openKeyStore, type SignedMessage } from '@bulkhead/keys';
import { orThrow } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import pg from 'pg';
import { until } from '../../apps/cli/src/story/waiting.js';
import { heldUpAt as heldUp } from '../support/held-up.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';
import { copyDatabase } from '../support/signer-copies.js';

jest.setTimeout(180_000);

/** What the database says of nonces. */
interface NoncesRow {
  readonly sealed: string | null;
  readonly used_at: Date | null;
}

describe('the nonces of a signer that is killed', () => {
  let firm: MpcFirm;
  let database: pg.Client;
  beforeAll(async () => {
    firm = await MpcFirm.start();
    database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
  });
  afterAll(async () => {
    await database.end();
    await firm.processes.stop();
  });

  // a signature in between: shares that none comes of would lock the group
  afterEach(async () => {
    expect(codeOf(await firm.sign(firm.fresh()))).toBe('accepted');
  });

  const signer = () => firm.processes.stack.part('signer-a');
  const row = async (id: string): Promise<NoncesRow | undefined> =>
    (await database.query<NoncesRow>('select sealed, used_at from frost_nonces where id = $1', [id])).rows[0];
  const count = async (table: string): Promise<number> =>
    (await database.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n ?? 0;

  /** Both members' promises for one payment; the first is of the signer that will be killed. */
  async function promised() {
    const request = firm.fresh();
    const a = orThrow(await firm.member('signer-a').promise(request)).message;
    const b = orThrow(await firm.member('signer-b').promise(request)).message;
    if (a.message.body.kind !== 'nonces') throw new Error('no promise');
    return { request, promises: [a, b], id: a.message.body.id };
  }
  const share = (request: TransferRequest, promises: readonly SignedMessage[]) =>
    firm.member('signer-a').share(request, promises);

  const heldUpAt = (table: string, act: () => Promise<unknown>, then: () => Promise<void>) =>
    heldUp(database, table, act, then);
  const killed = () => signer().kill('SIGKILL');
  const restarted = () => signer().start();

  it('are worth nothing when it dies before it has kept them: it has promised nothing', async () => {
    const request = firm.fresh();
    let answer = '';
    await heldUpAt(
      'frost_nonces',
      async () => (answer = codeOf(await firm.member('signer-a').promise(request))),
      killed,
    );
    await restarted();
    expect(answer).toBe('signer.unavailable');
    expect(codeOf(await firm.sign(request))).toBe('accepted');
  });

  it('give one share at most when it dies while it uses them', async () => {
    const { request, promises, id } = await promised();
    let answer = '';
    await heldUpAt('frost_nonces', async () => (answer = codeOf(await share(request, promises))), killed);
    await restarted();
    expect(answer).toBe('signer.unavailable');
    const left = await row(id);
    expect((left?.sealed === null) === (left?.used_at !== null)).toBe(true);
    const answers = [codeOf(await share(request, promises)), codeOf(await share(request, promises))];
    expect(answers.filter((code) => code === 'accepted').length).toBeLessThanOrEqual(1);
    expect(answers[1]).toBe('mpc.nonces-used');
    expect((await row(id))?.sealed).toBeNull();
  });

  it('are gone when it dies after it has used them, and before it has decided', async () => {
    const { request, promises, id } = await promised();
    let answer = '';
    await heldUpAt(
      'decision',
      async () => (answer = codeOf(await share(request, promises))),
      async () => {
        expect(await row(id)).toMatchObject({ sealed: null });
        await killed();
      },
    );
    await restarted();
    expect(answer).toBe('signer.unavailable');
    expect(codeOf(await share(request, promises))).toBe('mpc.nonces-used');
  });

  it('are gone when it dies after it has decided, and before its token remembers', async () => {
    const { request, promises, id } = await promised();
    const before = await count('decision');
    const pid = String(signer().pid);
    const host = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    let answer = '';
    const asking = heldUpAt(
      'decision',
      async () => (answer = codeOf(await share(request, promises))),
      () => Promise.resolve(void process.kill(host, 'SIGSTOP')),
    );
    await until('the decision', async () => ((await count('decision')) > before ? true : undefined));
    await killed();
    process.kill(host, 'SIGKILL');
    await asking;
    await restarted();
    expect(answer).toBe('signer.unavailable');
    expect((await row(id))?.sealed).toBeNull();
    expect(codeOf(await share(request, promises))).toBe('mpc.nonces-used');
  });

  it('are gone when it dies after its token remembers, and before its share leaves', async () => {
    const { request, promises, id } = await promised();
    const { postgres, tokens } = firm.processes.stack;
    const second = new pg.Client({ connectionString: postgres.databaseUrl('signer-a') });
    await second.connect();
    let answer = '';
    const asking = heldUpAt(
      'decision',
      async () => (answer = codeOf(await share(request, promises))),
      async () => {
        await second.query('begin');
        await second.query('lock table frost_share in access exclusive mode');
      },
    );
    // it reads its share only once the token has the decision
    await until('the reading of the share', async () => {
      const waiting = await database.query(
        `select 1 from pg_locks where not granted and relation = 'frost_share'::regclass`,
      );
      return waiting.rowCount === 0 ? undefined : true;
    });
    await killed();
    await second.end();
    await asking;
    expect(answer).toBe('signer.unavailable');
    const { profile, label, pinFile, configFile } = tokens['signer-a'];
    const token = await openKeyStore({
      ...{ profile, tokenLabel: label, pinFile, env: { SOFTHSM2_CONF: configFile } },
    });
    const remembered = orThrow(await token.readRecord());
    await token.close();
    expect(JSON.parse(remembered?.value ?? '{}')).toMatchObject({ decisions: { count: await count('decision') } });
    await restarted();
    expect((await row(id))?.sealed).toBeNull();
    expect(codeOf(await share(request, promises))).toBe('mpc.nonces-used');
  });

  it('are gone when it dies after its share has left, however often it is asked', async () => {
    const { request, promises } = await promised();
    expect(codeOf(await share(request, promises))).toBe('accepted');
    await killed();
    await restarted();
    for (let again = 0; again < 3; again += 1) expect(codeOf(await share(request, promises))).toBe('mpc.nonces-used');
  });

  it('are used once when several ask at the same moment', async () => {
    const { request, promises } = await promised();
    const codes = (await Promise.all(Array.from({ length: 6 }, () => share(request, promises)))).map(codeOf);
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
    expect(codes.filter((code) => code === 'mpc.nonces-used')).toHaveLength(5);
  });

  it('do not come back with a backup of the database: the token knows that it is an old one', async () => {
    const { request, promises } = await promised();
    await database.end();
    await signer().stop();
    const urlFile = await copyDatabase(firm.processes, 'signer-a', 'signer_a_before');
    await restarted();
    expect(codeOf(await share(request, promises))).toBe('accepted');
    await signer().stop();
    await firm.processes.startSigner('signer-a', { database: { urlFile } });
    expect(codeOf(await share(request, promises))).toBe('signer.database-rolled-back');
    await signer().stop();
    await firm.processes.startSigner('signer-a');
    database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    expect(codeOf(await share(request, promises))).toBe('mpc.nonces-used');
  });
});
