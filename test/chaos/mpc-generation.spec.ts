import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { orThrow, type Result } from '@bulkhead/intent';
import { openKeyStore, sealKeyOf, type FrostGroup, type SessionTerms, type SignedMessage } from '@bulkhead/keys';
import pg from 'pg';
import { SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import type { MpcMember } from '../../apps/orchestrator/src/signers/mpc-member.js';
import { heldUpAt } from '../support/held-up.js';
import { MpcFirm, walletOf } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(240_000); // real processes on a busy machine

const VICTIM = 'signer-a';
const WALLET = 'beta-tap';

/** Each message of a session once, as its members have made it. */
type Round = readonly SignedMessage[];

describe('a generation in which a signer is killed', () => {
  let firm: MpcFirm;
  let database: pg.Client;
  /** Everything that the victim has ever said in a generation: none of it may come twice. */
  const said: SignedMessage[] = [];
  const groups: FrostGroup[] = [];
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
  const heard = (id: string, messages: Round) =>
    messages.filter(({ message }) => message.from !== id && (message.to ?? id) === id);
  const newTerms = (): SessionTerms => ({
    ...{ purpose: 'generate', session: randomBytes(32).toString('hex'), group: WALLET, threshold: 2 },
    members: [...SIGNER_NAMES],
  });
  /** The same of each member. */
  async function ofAll(ask: (member: MpcMember) => Promise<Result<readonly SignedMessage[]>>) {
    const answers = await Promise.all(SIGNER_NAMES.map(async (id) => orThrow(await ask(firm.member(id)))));
    const messages = answers.flat();
    said.push(...messages.filter(({ message }) => message.from === VICTIM));
    return messages;
  }
  const announced = (terms: SessionTerms) => ofAll((member) => member.announce(terms));
  const dealt = ({ session }: SessionTerms, round: Round) =>
    ofAll((member) => member.deal(session, heard(member.id, round)));
  const confirmed = ({ session }: SessionTerms, round: Round) =>
    ofAll((member) => member.confirm(session, heard(member.id, round)));
  const groupOf = ([first]: Round): FrostGroup => {
    if (first?.message.body.kind !== 'confirm') throw new Error('no group');
    return first.message.body.group;
  };
  const liveStates = async (): Promise<string[]> => {
    const { rows } = await database.query<{ state: string }>(
      `select state from frost_share where wallet = $1 and state <> 'RETIRED'`,
      [WALLET],
    );
    return rows.map(({ state }) => state);
  };
  const liveRows = async (): Promise<number> => (await liveStates()).length;

  /** How many shares lie in the victim's token. */
  async function sharesInToken(): Promise<number> {
    const { profile, label, pinFile, configFile } = firm.processes.stack.tokens[VICTIM];
    const token = await openKeyStore({ profile, tokenLabel: label, pinFile, env: { SOFTHSM2_CONF: configFile } });
    const kept = orThrow(await token.listSealed());
    await token.close();
    return kept.length;
  }

  /** Nothing of the session goes on, and another one from nothing comes to its end. */
  async function isOver({ session }: SessionTerms): Promise<void> {
    expect(codeOf(await firm.member(VICTIM).deal(session, []))).toBe('mpc.session-unknown');
    expect(codeOf(await firm.member(VICTIM).confirm(session, []))).toBe('mpc.session-unknown');
    const terms = newTerms();
    const confirmations = await confirmed(terms, await dealt(terms, await announced(terms)));
    const group = groupOf(confirmations);
    for (const id of SIGNER_NAMES)
      expect(codeOf(await firm.member(id).activate(group, heard(id, confirmations)))).toBe('accepted');
    groups.push(group);
  }

  it('leaves nothing when it dies after it has announced', async () => {
    const terms = newTerms();
    await announced(terms);
    await killed();
    await victim().start();
    expect(await liveRows()).toBe(0);
    await isOver(terms);
  });

  it('leaves nothing when it dies after it has dealt', async () => {
    const before = await liveRows();
    const terms = newTerms();
    await dealt(terms, await announced(terms));
    await killed();
    await victim().start();
    expect(await liveRows()).toBe(before);
    await isOver(terms);
  });

  it('leaves nothing in the token, and nothing in use, when it dies after sealing its share and before it is written', async () => {
    const before = await liveRows();
    const terms = newTerms();
    const deals = await dealt(terms, await announced(terms));
    let answer = '';
    const confirm = async () =>
      (answer = codeOf(await firm.member(VICTIM).confirm(terms.session, heard(VICTIM, deals))));
    const kept = await sharesInToken();
    await heldUpAt(database, 'frost_share', confirm, killed);
    expect(await sharesInToken()).toBe(kept);
    await victim().start();
    expect(answer).toBe('signer.unavailable');
    // the database may do what it was asked to by a process that is gone: it is of a group that nobody confirms
    const states = await liveStates();
    expect(states.filter((state) => state === 'ACTIVE')).toHaveLength(before);
    expect(states.length - before).toBeLessThanOrEqual(1);
    await isOver(terms);
  });

  it('keeps a share that is in no wallet when it dies after it has confirmed: the group may still come about', async () => {
    const terms = newTerms();
    const confirmations = await confirmed(terms, await dealt(terms, await announced(terms)));
    await killed();
    await victim().start();
    const group = groupOf(confirmations);
    const answers = await Promise.all(
      SIGNER_NAMES.map((id) => firm.member(id).activate(group, heard(id, confirmations))),
    );
    expect(answers.map(codeOf)).toEqual(['accepted', 'accepted', 'accepted']);
    await isOver(terms);
  });

  it('puts its share into use again when it dies while it does so', async () => {
    const terms = newTerms();
    const confirmations = await confirmed(terms, await dealt(terms, await announced(terms)));
    const group = groupOf(confirmations);
    const activate = async () => codeOf(await firm.member(VICTIM).activate(group, heard(VICTIM, confirmations)));
    let answer = '';
    await heldUpAt(database, 'frost_confirmation', async () => (answer = await activate()), killed);
    await victim().start();
    expect(answer).toBe('signer.unavailable');
    expect(await activate()).toBe('accepted');
    await isOver(terms);
  });

  it('never says anything twice: no commitment, no proof, no dealing and no key of a session comes again', () => {
    const secrets = said.flatMap(({ message: { body } }) => {
      if (body.kind === 'announce') return [body.ephemeral, ...(body.dealer?.commitments ?? [])];
      return body.kind === 'deal' ? [JSON.stringify(body)] : [];
    });
    expect(secrets.length).toBeGreaterThan(30);
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  it('costs nothing in the end: the wallet opens, its members sign, and only its share is left', async () => {
    const group = groups.at(-1);
    if (!group) throw new Error('no group');
    firm.processes.charter.append({ kind: 'wallet.open', wallet: walletOf(group) });
    await firm.push();
    const labels = async () => orThrow(await firm.processes.client(VICTIM).keyReport()).keys.map(({ label }) => label);
    await until('the end of all other shares', async () => ((await liveRows()) === 1 ? true : undefined));
    for (const other of groups.slice(0, -1)) expect(await labels()).not.toContain(sealKeyOf(other));
    expect(await labels()).toContain(sealKeyOf(group));
  });
});
