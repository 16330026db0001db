import { jest } from '@jest/globals';
import { outputKey, sealKeyOf, type FrostGroup } from '@bulkhead/keys';
import { orThrow } from '@bulkhead/intent';
import pg from 'pg';
import { SIGNER_NAMES, type SignerName } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { enactAfter } from '../support/key-acts.js';
import { MpcFirm, walletOf } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(240_000); // real processes on a busy machine

/** Long enough to open a wallet with what was generated a moment ago. */
const LIFE_S = 30;

describe('a share that no entry of the charter opens a wallet for', () => {
  let firm: MpcFirm;
  let made: Record<'never' | 'elsewhere' | 'late' | 'waiting', FrostGroup>;
  beforeAll(async () => {
    firm = await MpcFirm.start({}, { unopenedShareSeconds: LIFE_S });
    const generate = async (id: string) => orThrow(await firm.carrier.generate(id, 2, SIGNER_NAMES));
    made = {
      never: await generate('never'),
      elsewhere: await generate('elsewhere'),
      late: await generate('late'),
      waiting: await generate('waiting'),
    };
    // signer-a hears of none of these by itself, signer-b of all but one
    open(made.elsewhere);
    const { charter } = firm.processes;
    const { rules } = charter.state;
    charter.append({
      kind: 'rules.set',
      rules: { ...rules, delaySeconds: { ...rules.delaySeconds, 'wallet.open': 1 } },
    });
    open(made.waiting);
    await firm.push(['signer-b']);
    openLate(made.late);
  });
  afterAll(() => firm.processes.stop());

  const open = (group: FrostGroup) => firm.processes.charter.append({ kind: 'wallet.open', wallet: walletOf(group) });
  /** After the delay, which openings have by then. */
  const openLate = (group: FrostGroup) => enactAfter(firm.processes.charter, open(group).intent.id, 2);
  const claimed = async (group: FrostGroup, id: SignerName = 'signer-b') =>
    codeOf(await firm.processes.client(id).confirmKey(walletOf(group)));
  const stateAt = async (id: SignerName, group: FrostGroup): Promise<string> => {
    const database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl(id) });
    await database.connect();
    const { rows } = await database.query<{ state: string }>('select state from frost_share where output_key = $1', [
      outputKey(group),
    ]);
    await database.end();
    return rows.map(({ state }) => state).join();
  };
  const sealKeys = async (id: SignerName) =>
    orThrow(await firm.processes.client(id).keyReport()).keys.map(({ label }) => label);

  it('is offered to a new wallet for a while, and then not any more, though it is there', async () => {
    expect(await claimed(made.never)).toBe('accepted');
    await until('the end of the offer', async () =>
      (await claimed(made.never)) === 'charter.key-not-held' ? true : undefined,
    );
    expect(await stateAt('signer-b', made.never)).toBe('ACTIVE');
    // what is in the charter is not asked for its age
    expect(await claimed(made.elsewhere)).toBe('accepted');
  });

  it('is kept past its time while another member says nothing: it may know the entry', async () => {
    await firm.processes.stack.part('signer-c').kill('SIGKILL');
    const end = Date.now() + 1.5 * LIFE_S * 1_000; // three times its life by then
    // what signer-b has is heard of meanwhile
    await until(
      'the entry that signer-b has',
      async () => (await firm.member('signer-a').group('elsewhere')).ok || undefined,
      120_000,
    );
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, end - Date.now())));
    expect(await stateAt('signer-a', made.never)).toBe('ACTIVE');
    expect(await stateAt('signer-a', made.late)).toBe('ACTIVE');
  });

  it('is destroyed, in the database and in the token, once all have shown what they know', async () => {
    await firm.processes.stack.part('signer-c').start();
    for (const id of SIGNER_NAMES) {
      await until(`the end of the share at ${id}`, async () =>
        (await stateAt(id, made.never)) === 'RETIRED' ? true : undefined,
      );
      await until('the end of what sealed it', async () =>
        (await sealKeys(id)).includes(sealKeyOf(made.never)) ? undefined : true,
      );
    }
  });

  it('is not destroyed while an act that opens its wallet waits', async () => {
    for (const id of SIGNER_NAMES) expect(await stateAt(id, made.waiting)).toBe('ACTIVE');
    expect(await sealKeys('signer-b')).toContain(sealKeyOf(made.waiting));
  });

  it('is not destroyed when it turns out to be in use', async () => {
    expect(await stateAt('signer-a', made.elsewhere)).toBe('ACTIVE');
    expect(await sealKeys('signer-a')).toContain(sealKeyOf(made.elsewhere));
    expect(codeOf(await firm.sign(firm.fresh()))).toBe('accepted');
  });

  it('leaves a signer that hears of an opening later without that wallet, and cuts it off from nothing else', async () => {
    await until('the end of the other share', async () =>
      (await stateAt('signer-a', made.late)) === 'RETIRED' ? true : undefined,
    );
    const { charter } = firm.processes;
    const client = firm.processes.client('signer-a');
    openLate(made.never);
    expect(codeOf(await client.pushEntries(charter.entries))).toBe('accepted');
    for (const group of [made.late, made.never]) {
      const { address } = walletOf(group);
      const statement = { nonce: '00'.repeat(32), wallet: group.id, address };
      expect(codeOf(await firm.member('signer-a').proveShare(statement))).toBe('charter.key-not-held');
      expect(await claimed(group, 'signer-a')).toBe('charter.key-not-held');
    }
    // by its own clock the delay is not over yet
    await until('a signature', async () => ((await firm.sign(firm.fresh())).ok ? true : undefined));
  });
});
