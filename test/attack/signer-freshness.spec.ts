import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { clientChain, type Act } from '@bulkhead/charter';
import { intentDigest, payloadDigest } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import pg from 'pg';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { instant, makeMember, publicPart, say, type TestMember } from '../support/members.js';
import { codeAt, knock } from '../support/doors.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start({ three: true });
});
afterAll(() => alpha.processes.stop());

const part = (id: SignerName) => alpha.processes.stack.part(id);
const payment = () => alpha.request(alpha.honest());
const asked = async (request = payment()) => ({
  a: codeOf(await alpha.a.signTransfer(request)),
  b: codeOf(await alpha.b.signTransfer(request)),
});
const bring = (signer: SignerName, entries: unknown) =>
  knock(alpha.processes, signer, 'POST', '/v1/charter/entries', { entries });
const freeze = () =>
  alpha.charter.append({ kind: 'freeze', scope: { of: 'wallet', wallet: 'alpha-btc' }, reason: 'a drill' });
const unfreeze = () => alpha.charter.append({ kind: 'unfreeze', scope: { of: 'wallet', wallet: 'alpha-btc' } });

const objection = (
  member: TestMember,
  decision: 'REJECT' | 'WITHDRAW',
  { intent, payload }: TransferRequest,
  expiresAt?: string,
) => {
  const terms = { firm: alpha.charter.firm, intent: intentDigest(intent), payload: payloadDigest(payload) };
  return say(member, decision, {
    ...terms,
    charterSequence: alpha.charter.state.heads.get('firm')!.sequence,
    expiresAt,
  });
};
const object = (signer: SignerName, body: unknown) => knock(alpha.processes, signer, 'POST', '/v1/objections', body);

/** Waits for the decision lock of a signer's database to be asked for by somebody who does not get it. */
async function untilSomebodyWaits(database: pg.Client): Promise<void> {
  const end = Date.now() + 4_000;
  while (Date.now() < end) {
    const { rows } = await database.query(
      `select 1 from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    if (rows.length > 0) return;
    await sleep(20);
  }
  throw new Error('nobody waits for the decision lock');
}

/** Has a request wait for its turn to be decided while something happens. @returns what becomes of it */
async function meanwhile(request: TransferRequest, happens: () => Promise<unknown>): Promise<string> {
  const database = new pg.Client({ connectionString: alpha.processes.stack.postgres.databaseUrl('signer-a') });
  await database.connect();
  try {
    await database.query(`select pg_advisory_lock(hashtextextended('decision', 0))`);
    const answer = alpha.a.signTransfer(request);
    await untilSomebodyWaits(database);
    await happens();
    await database.query(`select pg_advisory_unlock(hashtextextended('decision', 0))`);
    return codeOf(await answer);
  } finally {
    await database.end();
  }
}

describe('what comes while a signer is about to record its decision', () => {
  it('is heeded when it is a freeze: nothing is signed by the charter of a moment before', async () => {
    const request = payment();
    const code = await meanwhile(request, async () => {
      expect(codeAt(await bring('signer-a', [freeze()]))).toBe('accepted');
    });
    expect(code).toBe('signer.contended');
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('charter.frozen');
    const lifted = [alpha.charter.entries.at(-1), unfreeze()];
    for (const signer of ['signer-a', 'signer-b', 'signer-c'] as const)
      expect(codeAt(await bring(signer, lifted))).toBe('accepted');
    expect(await asked()).toEqual({ a: 'accepted', b: 'accepted' });
  });

  it('is heeded when it is a member’s REJECT', async () => {
    const request = payment();
    const no = objection(alpha.charter.members.oskar, 'REJECT', request);
    const code = await meanwhile(request, async () => {
      expect(codeAt(await object('signer-a', no))).toBe('accepted');
    });
    expect(code).toBe('approval.rejected');
  });
});

describe('an orchestrator that keeps signers in the past', () => {
  it('gets no signature after members have handed a freeze to one other signer, themselves', async () => {
    const request = payment(); // approved before anybody had seen the freeze
    expect(await asked(request)).toEqual({ a: 'accepted', b: 'accepted' });
    expect(codeAt(await bring('signer-c', [freeze()]))).toBe('accepted');
    expect(await asked(request)).toEqual({ a: 'charter.frozen', b: 'charter.frozen' });
    const heads = alpha.charter.state.heads.toObject();
    for (const signer of [alpha.a, alpha.b]) expect(await signer.heads()).toMatchObject({ ok: true, value: { heads } });
    expect(codeAt(await bring('signer-c', [unfreeze()]))).toBe('accepted');
    expect(await asked()).toEqual({ a: 'accepted', b: 'accepted' });
  });

  it('gets none of a signer that it cuts off from all others', async () => {
    await Promise.all([part('signer-b').stop(), part('signer-c').stop()]);
    expect(codeOf(await alpha.a.signTransfer(payment()))).toBe('signer.peers-unknown');
    await part('signer-b').start();
    expect(await asked()).toEqual({ a: 'accepted', b: 'accepted' });
    await part('signer-c').start();
  });
});

describe('an orchestrator that hides what members have said', () => {
  it('gets no signature over a REJECT that one signer has been told of', async () => {
    const request = payment();
    const { oskar } = alpha.charter.members;
    expect(codeAt(await object('signer-c', objection(oskar, 'REJECT', request)))).toBe('accepted');
    expect(await asked(request)).toEqual({ a: 'approval.rejected', b: 'approval.rejected' });
    await part('signer-c').stop();
    expect(await asked(request)).toEqual({ a: 'approval.rejected', b: 'approval.rejected' }); // for good, and by now elsewhere
    await part('signer-c').start();
    expect(await asked()).toEqual({ a: 'accepted', b: 'accepted' });
  });

  it('gets none with an approval that its member has withdrawn', async () => {
    const request = payment();
    const { omar } = alpha.charter.members;
    expect(codeAt(await object('signer-b', objection(omar, 'WITHDRAW', request)))).toBe('accepted');
    expect(await asked(request)).toEqual({ a: 'approval.quorum-not-met', b: 'approval.quorum-not-met' });
  });

  describe('and keeps a signer from knowing who has said it', () => {
    const otto = makeMember('otto', 'operator');
    const append = async (act: Act): Promise<void> => {
      expect(codeAt(await bring('signer-c', [alpha.charter.append(act)]))).toBe('accepted'); // nobody else is told
    };

    it('gets none over the REJECT of a member of whom only the signer that took it knew', async () => {
      const request = payment();
      await append({ kind: 'member.enrol', member: publicPart(otto) });
      expect(codeAt(await object('signer-c', objection(otto, 'REJECT', request)))).toBe('accepted');
      expect(await asked(request)).toEqual({ a: 'approval.rejected', b: 'approval.rejected' });
    });

    it('gets none over a REJECT that was taken in time and has run out since', async () => {
      const request = payment();
      const soon = instant(2_000);
      expect(codeAt(await object('signer-c', objection(otto, 'REJECT', request, soon)))).toBe('accepted');
      await sleep(Math.max(0, Date.parse(soon) - Date.now()) + 50);
      expect(await asked(request)).toEqual({ a: 'approval.rejected', b: 'approval.rejected' });
    });

    it('gets none over a REJECT that nobody can verify any more, since its member was revoked', async () => {
      const request = payment();
      expect(codeAt(await object('signer-c', objection(otto, 'REJECT', request)))).toBe('accepted');
      await append({ kind: 'member.revoke', member: otto.id });
      const unverified = 'approval.objection-unverified';
      expect(await asked(request)).toEqual({ a: unverified, b: unverified });
      expect(await asked()).toEqual({ a: 'accepted', b: 'accepted' });
    });
  });

  it('cannot make up objections, nor can anybody else', async () => {
    const { omar, oskar } = alpha.charter.members;
    const request = payment();
    const good = objection(oskar, 'REJECT', request);
    const forged = [
      { ...good, statement: { ...good.statement, member: 'omar', key: 'omar-1' } },
      { ...good, statement: { ...good.statement, intent: 'ab'.repeat(32) } },
      { ...good, statement: { ...good.statement, firm: 'ab'.repeat(32) } },
      request.approvals[0],
      say(omar, 'REJECT', { ...good.statement, expiresAt: '2020-01-01T00:00:00.000Z' }),
    ];
    const codes = await Promise.all(forged.map(async (body) => codeAt(await object('signer-c', body))));
    expect(codes).toEqual([
      'approval.bad-signature',
      'approval.bad-signature',
      'intent.wrong-firm',
      'approval.malformed',
      'approval.expired',
    ]);
    expect(await asked(request)).toEqual({ a: 'accepted', b: 'accepted' });
  });
});

describe('the door of a signer', () => {
  it('signs nothing and tells nobody but signers what was decided', async () => {
    const request = payment();
    const at = (path: string, body?: unknown) =>
      knock(alpha.processes, 'signer-a', body === undefined ? 'GET' : 'POST', path, body);
    expect(codeAt(await at('/v1/sign/transfer', request))).toBe('request.not-found');
    expect(codeAt(await at('/v1/keys', { wallet: 'w' }))).toBe('request.not-found');
    expect(codeAt(await at('/v1/decisions?after=0'))).toBe('request.not-found');
    expect(codeAt(await at('/v1/exchange', {}))).toBe('request.malformed');
  });

  it('takes no entry that is not a whole act of its firm', async () => {
    const entry = alpha.charter.entry({ kind: 'freeze', scope: { of: 'firm' }, reason: 'mischief' });
    expect(codeAt(await bring('signer-a', [{ ...entry, approvals: [] }]))).toBe('approval.quorum-not-met');
    expect(codeAt(await bring('signer-a', [{ v: 1 }]))).toBe('request.malformed');
    // it says so and hangs up, be the rest still on its way
    const tooMuch = bring('signer-a', { junk: 'x'.repeat(2_000_000) }).then(codeAt, String);
    expect(await tooMuch).toMatch(/^request\.malformed$|EPIPE|ECONNRESET/);
    expect(codeAt(await bring('signer-a', [{ v: 1 }]))).toBe('request.malformed');
  });

  it('gives the charter to whoever lacks it, and signed heads', async () => {
    const { entries } = alpha.charter;
    const page = await knock(alpha.processes, 'signer-b', 'GET', `/v1/charter/entries?chain=${clientChain('alpha')}`);
    expect(page.body).toMatchObject({ more: false });
    expect(page.body.entries).toEqual(entries.filter(({ intent }) => intent.chain === 'client:alpha'));
    const heads = await knock(alpha.processes, 'signer-b', 'GET', `/v1/heads?nonce=${'5a'.repeat(32)}`);
    const statement = { nonce: '5a'.repeat(32), signer: 'signer-b', heads: alpha.charter.state.heads.toObject() };
    expect(heads.body).toMatchObject({ statement });
  });
});

describe('a signer that the charter has retired', () => {
  it('is told and asked nothing, and signs nothing; the others go on without it', async () => {
    const before = payment();
    const entry = alpha.charter.append({ kind: 'signer.retire', signer: 'signer-c' });
    expect(codeAt(await bring('signer-a', [entry]))).toBe('accepted');
    expect(await asked()).toEqual({ a: 'accepted', b: 'accepted' });
    expect(codeOf(await alpha.c.signTransfer(before))).toBe('signer.peers-unknown'); // nobody tells it anything any more
    expect(codeAt(await bring('signer-c', [entry]))).toBe('accepted');
    expect(codeOf(await alpha.c.signTransfer(payment()))).toBe('charter.signer-retired');
    await part('signer-b').stop();
    expect(codeOf(await alpha.a.signTransfer(payment()))).toBe('signer.peers-unknown'); // the retired one does not count
    await part('signer-b').start();
  });
});
