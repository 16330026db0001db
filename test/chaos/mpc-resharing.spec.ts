import { jest } from '@jest/globals';
import type { FrostGroup, SessionTerms, SignedMessage } from '@bulkhead/keys';
import { orThrow, type Result } from '@bulkhead/intent';
import pg from 'pg';
import { EVERY_SIGNER, type SignerName } from '../../apps/cli/src/stack/index.js';
import type { ProvenShare } from '../../apps/orchestrator/src/signers/mpc-member.js';
import { heldUpAt } from '../support/held-up.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';
import { copyDatabase } from '../support/signer-copies.js';

jest.setTimeout(180_000);

const EVERYBODY = EVERY_SIGNER;
const OTHERS: readonly SignerName[] = ['signer-a', 'signer-c', 'signer-d'];
const NEW: readonly SignerName[] = ['signer-b', 'signer-c', 'signer-d'];
const VICTIM = 'signer-b';

/** It deals, it gets a share, and it is of the members before and after: signer-b, which dies at each step. */
describe('a resharing in which a signer is killed', () => {
  let firm: MpcFirm;
  let database: pg.Client;
  let keys: readonly ProvenShare[];
  beforeAll(async () => {
    firm = await MpcFirm.start();
    await firm.enrolSpare();
    await firm.permit(NEW, 2, EVERYBODY);
    database = await connected(VICTIM);
  });
  afterAll(async () => {
    await database.end();
    await firm.processes.stop();
  });

  async function connected(id: SignerName): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl(id) });
    await client.connect();
    return client;
  }
  const victim = () => firm.processes.stack.part(VICTIM);
  const killed = () => victim().kill('SIGKILL');
  const restarted = () => victim().start();
  const signs = async (...members: readonly SignerName[]) => codeOf(await firm.sign(firm.fresh(), members));
  const shares = async (client: pg.Client): Promise<string[]> =>
    (
      await client.query<{ said: string }>(
        `select state || case when sealed is null then '' else ' sealed' end as said from frost_share order by epoch, at`,
      )
    ).rows.map(({ said }) => said);

  const heardBy = (id: string, messages: readonly SignedMessage[]) =>
    messages.filter(({ message }) => message.from !== id && (message.to ?? id) === id);
  async function round(
    step: (id: SignerName, heard: readonly SignedMessage[]) => Promise<Result<readonly SignedMessage[]>>,
    before: readonly SignedMessage[] = [],
  ): Promise<readonly SignedMessage[]> {
    const answers = await Promise.all(EVERYBODY.map((id) => step(id, heardBy(id, before))));
    return answers.flatMap((answer) => orThrow(answer));
  }
  let sessions = 0;
  async function announced() {
    const previous = await firm.groupAt('signer-a');
    const terms: SessionTerms = {
      purpose: 'reshare',
      session: (sessions += 1).toString(16).padStart(64, '0'),
      group: 'alpha-tap',
      threshold: 2,
      members: [...NEW],
      dealers: ['signer-a', VICTIM],
      previous,
      permit: 1,
    };
    return { terms, messages: await round((id) => firm.member(id).announce(terms)) };
  }
  async function dealt() {
    const { terms, messages } = await announced();
    return { terms, messages: await round((id, heard) => firm.member(id).deal(terms.session, heard), messages) };
  }
  const groupOf = ([first]: readonly SignedMessage[]): FrostGroup => {
    if (first?.message.body.kind !== 'confirm') throw new Error('nothing was confirmed');
    return first.message.body.group;
  };

  it('has nothing left of the session after it has announced: another one starts from nothing', async () => {
    const { terms, messages } = await announced();
    await killed();
    await restarted();
    const again = firm.member(VICTIM).deal(terms.session, heardBy(VICTIM, messages));
    expect(codeOf(await again)).toBe('mpc.session-unknown');
    expect(await signs('signer-a', VICTIM)).toBe('accepted');
  });

  it('has confirmed nothing when it dies while it keeps its share, whether that came to be or not', async () => {
    const { terms, messages } = await dealt();
    let answer = '';
    const confirm = async () => {
      answer = codeOf(await firm.member(VICTIM).confirm(terms.session, heardBy(VICTIM, messages)));
    };
    await heldUpAt(database, 'frost_share', confirm, killed);
    await restarted();
    expect(answer).toBe('signer.unavailable');
    const again = firm.member(VICTIM).confirm(terms.session, heardBy(VICTIM, messages));
    expect(codeOf(await again)).toBe('mpc.session-unknown');
    expect((await shares(database))[0]).toBe('ACTIVE sealed');
    expect(await signs('signer-a', VICTIM)).toBe('accepted');
  });

  it('proves after a restart the share that it kept before', async () => {
    const { terms, messages } = await dealt();
    const confirmations = await round((id, heard) => firm.member(id).confirm(terms.session, heard), messages);
    const group = groupOf(confirmations);
    await killed();
    expect(await signs('signer-a', 'signer-c')).toBe('accepted');
    await restarted();
    keys = await Promise.all(
      NEW.map(async (id) => orThrow(await firm.member(id).prove(group, heardBy(id, confirmations)))),
    );
    expect(await signs('signer-a', VICTIM)).toBe('accepted');
  });

  it('takes the switch when it is back, if it dies while it takes it; the others sign meanwhile', async () => {
    await heldUpAt(database, 'charter_entry', () => firm.switchTo(keys, [VICTIM]).catch(() => undefined), killed);
    await firm.push(OTHERS);
    expect(await signs('signer-c', 'signer-d')).toBe('accepted');
    await restarted();
    await firm.push([VICTIM]);
    // it dies before it has put the share into use that its charter names now
    expect((await shares(database))[0]).toBe('ACTIVE sealed');
    await killed();
    await restarted();
    expect(await signs(VICTIM, 'signer-d')).toBe('accepted');
    expect((await shares(database))[0]).toBe('PENDING sealed');
    expect(await shares(database)).toContain('ACTIVE sealed');
  });

  it('has its share in use all the way when it dies while it destroys the old one', async () => {
    const release = () => firm.carrier.release('alpha-tap', NEW, EVERYBODY);
    let answer = '';
    await heldUpAt(database, 'frost_share', async () => (answer = codeOf(await release())), killed);
    expect(answer).toBe('signer.unavailable');
    await restarted();
    expect(await signs(VICTIM, 'signer-c')).toBe('accepted');
    expect(codeOf(await release())).toBe('accepted');
    expect((await shares(database))[0]).toBe('RETIRED');
    expect(await signs(VICTIM, 'signer-c')).toBe('accepted');
  });

  it('follows a switch to a share that its database has lost, and signs nothing while the others do', async () => {
    await firm.permit(['signer-a', 'signer-b', 'signer-c'], 2, EVERYBODY);
    await database.end();
    await victim().stop();
    const urlFile = await copyDatabase(firm.processes, VICTIM, 'signer_b_before');
    await restarted();
    const proven = orThrow(await firm.reshare(['signer-b', 'signer-d']));
    await victim().stop();
    await firm.processes.startSigner(VICTIM, { database: { urlFile } });
    await firm.switchTo(proven, EVERYBODY);
    expect(await signs(VICTIM, 'signer-a')).toBe('charter.key-not-held');
    expect(await signs('signer-a', 'signer-c')).toBe('accepted');
    database = await connected(VICTIM);
  });
});
