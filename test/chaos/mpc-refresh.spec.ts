import { jest } from '@jest/globals';
import pg from 'pg';
import { SIGNER_NAMES, type SignerName } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { heldUpAt } from '../support/held-up.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(180_000);

const VICTIM = 'signer-a';

describe('a refresh in which a signer is killed', () => {
  let firm: MpcFirm;
  let database: pg.Client;
  beforeAll(async () => {
    firm = await MpcFirm.start();
    database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl(VICTIM) });
    await database.connect();
  });
  afterAll(async () => {
    await database.end();
    await firm.processes.stop();
  });

  const victim = () => firm.processes.stack.part(VICTIM);
  const killed = () => victim().kill('SIGKILL');
  const restarted = () => victim().start();
  const pays = async (members: readonly SignerName[] = SIGNER_NAMES) => codeOf(await firm.sign(firm.fresh(), members));
  const epochs = () => Promise.all(SIGNER_NAMES.map(async (id) => (await firm.groupAt(id)).epoch));

  /** Everybody has confirmed; the victim dies while it puts its share into use, and the others have done so. */
  async function cutOff(): Promise<void> {
    const group = await firm.group();
    let answer = '';
    const refresh = async () => (answer = codeOf(await firm.carrier.refresh(group)));
    await heldUpAt(database, 'frost_confirmation', refresh, async () => {
      for (const id of ['signer-b', 'signer-c'] as const)
        await until(`the new share at ${id}`, async () =>
          (await firm.groupAt(id)).epoch > group.epoch ? true : undefined,
        );
      await killed();
    });
    expect(answer).toBe('signer.unavailable');
  }

  it('leaves the others able to pay, while it is down and when it is back with its old share', async () => {
    await cutOff();
    expect(await pays()).toBe('accepted');
    await restarted();
    expect(await epochs()).toEqual([0, 1, 1]);
    // asked first, it says that the group is another than it is
    expect(await pays()).toBe('accepted');
    expect(await epochs()).toEqual([1, 1, 1]);
    expect(await pays(['signer-a', 'signer-c'])).toBe('accepted');
  });

  it('is caught up with by one other member alone, and can be begun again', async () => {
    await cutOff();
    await restarted();
    await firm.processes.stack.part('signer-c').kill('SIGKILL');
    expect(await pays()).toBe('accepted');
    await firm.processes.stack.part('signer-c').start();
    expect(await epochs()).toEqual([2, 2, 2]);
    expect(codeOf(await firm.carrier.refresh(await firm.group()))).toBe('accepted');
    expect(await pays()).toBe('accepted');
  });
});
