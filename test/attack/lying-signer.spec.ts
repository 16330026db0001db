import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { jest } from '@jest/globals';
import { clientChain, FIRM_CHAIN } from '@bulkhead/charter';
import { payloadDigest, ZERO_DIGEST } from '@bulkhead/intent';
import { decisionHash, sealDigest, type DecisionRecord } from '@bulkhead/policy';
import pg from 'pg';
import { doorOf } from '../../apps/cli/src/stack/index.js';
import {
  answerDigest,
  questionDigest,
  sealedQuestionSchema,
  type Answer,
  type Question,
  type SealedAnswer,
  type Tentative,
} from '../../apps/signer/src/peers/core/exchange.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { BTC } from '../support/custody-firm.js';
import { codeOf, factsOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

let alpha: AlphaPayments;
let server: Server;
/** What signer-c, taken over with its TLS key, says. */
let tell: (question: Question) => SealedAnswer | Promise<SealedAnswer>;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
  await alpha.processes.stack.part('signer-b').stop();
  const { tls, ports } = alpha.processes.stack;
  const { keyFile, certificateFile } = tls['signer-c'];
  server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      if (request.url !== '/v1/exchange') return void response.writeHead(404).end('{}');
      const { question } = sealedQuestionSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      void Promise.resolve(tell(question)).then((answer) => response.end(JSON.stringify(answer)));
    });
  });
  await new Promise<void>((resolve) => server.listen(ports[doorOf('signer-c')], '127.0.0.1', resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await alpha.processes.stop();
});

const identityOf = (id: 'signer-b' | 'signer-c') => {
  const { keyFile, certificateFile } = alpha.processes.stack.tls[id];
  return [readFileSync(keyFile, 'utf8'), readFileSync(certificateFile, 'utf8')] as const;
};
const sealed = (answer: Answer, by: 'signer-b' | 'signer-c' = 'signer-c'): SealedAnswer => ({
  answer,
  ...sealDigest(answerDigest(answer), ...identityOf(by)),
});
const truth = (question: Question): Answer => ({
  v: 1,
  signer: 'signer-c',
  question: questionDigest(question),
  heads: Object.fromEntries(question.chains.map((chain) => [chain, alpha.charter.state.heads.get(chain)!])),
  tentatives: [],
  records: [],
  tip: { count: 0, hash: ZERO_DIGEST },
  objections: [],
});
const record = (position: number, previous = ZERO_DIGEST): DecisionRecord => ({
  v: 1,
  firm: alpha.charter.firm,
  signer: 'signer-c',
  position,
  previous,
  kind: 'gas',
  subject: 'x',
  intentDigest: null,
  payloadDigest: ZERO_DIGEST,
  decision: 'REFUSE',
  code: 'internal.error',
  facts: {},
  commits: [],
  spends: null,
  heads: {},
  at: new Date().toISOString(),
});
const pay = () => alpha.a.signTransfer(alpha.request(alpha.honest()));
/** Why signer-a did not believe signer-c, who alone was there to be asked. */
const disbelief = async (): Promise<string | undefined> => {
  const answer = await pay();
  expect(codeOf(answer)).toBe('signer.peers-unknown');
  return factsOf(answer)['signer-c'];
};

describe('a signer that lies to another', () => {
  it('is believed as long as nothing of what it says can be seen to be false', async () => {
    tell = (question) => sealed(truth(question));
    expect(codeOf(await pay())).toBe('accepted');
  });

  it('is not believed with the answer to an earlier question', async () => {
    let earlier: SealedAnswer | undefined;
    tell = (question) => (earlier ??= sealed(truth(question)));
    expect(codeOf(await pay())).toBe('accepted');
    expect(await disbelief()).toContain('the answer to another question');
  });

  it('is not believed with a signature of another, or over something else', async () => {
    tell = (question) => sealed(truth(question), 'signer-b');
    expect(await disbelief()).toContain('another certificate');
    tell = (question) => ({
      ...sealed(truth(question)),
      answer: { ...truth(question), tentatives: [], objections: [], heads: {} },
    });
    expect(await disbelief()).toContain('not by the signer');
  });

  it('is not believed when its history has a gap, is another than before, or has become shorter', async () => {
    tell = (question) => sealed({ ...truth(question), tip: { count: 2, hash: ZERO_DIGEST }, records: [record(1)] });
    expect(await disbelief()).toContain('signer.peer-invalid');
    tell = (question) => sealed({ ...truth(question), tip: { count: 1, hash: ZERO_DIGEST } });
    expect(await disbelief()).toContain('keeps decisions back');
    const first = record(0);
    const tip = { count: 1, hash: decisionHash(first) };
    tell = (question) => sealed({ ...truth(question), tip, records: question.after.count === 0 ? [first] : [] });
    expect(codeOf(await pay())).toBe('accepted');
    expect(codeOf(await pay())).toBe('accepted');
    tell = (question) => sealed(truth(question));
    expect(await disbelief()).toContain('another history');
    const forked = record(1);
    tell = (question) =>
      sealed({ ...truth(question), tip: { count: 2, hash: decisionHash(forked) }, records: [forked] });
    expect(await disbelief()).toContain('another history');
    await alpha.processes.stack.part('signer-a').restart();
    expect(await disbelief()).toContain('another history');
    tell = (question) => sealed({ ...truth(question), tip });
    expect(codeOf(await pay())).toBe('accepted');
  });

  it('stops what it claims to know better of the charter, and cannot make anybody sign', async () => {
    const told = (question: Question, claimed: Answer['heads']) =>
      sealed({ ...truth(question), heads: claimed, tip: question.after });
    const { heads } = alpha.charter.state;
    const firm = heads.get(FIRM_CHAIN)!;
    tell = (question) => told(question, { [FIRM_CHAIN]: { ...firm, hash: ZERO_DIGEST } });
    expect(codeOf(await pay())).toBe('charter.fork');
    const owner = heads.get(clientChain('alpha'))!;
    tell = (question) => told(question, { [clientChain('alpha')]: { ...owner, sequence: owner.sequence + 1 } });
    expect(codeOf(await pay())).toBe('charter.behind');
  });
});

describe('what another signer is still deciding on', () => {
  const told = (question: Question, more: Partial<Answer> = {}) =>
    sealed({ ...truth(question), tip: question.after, ...more });

  it('is asked for when one’s own is there for others to see', async () => {
    const database = new pg.Client({ connectionString: alpha.processes.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    const seen: string[] = [];
    tell = async (question) => {
      const { rows } = await database.query<{ payload_digest: string }>('select payload_digest from tentative');
      seen.push(...rows.map((row) => row.payload_digest));
      return told(question);
    };
    const request = alpha.request(alpha.honest());
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('accepted');
    expect(seen).toEqual([payloadDigest(request.payload)]);
    expect((await database.query('select 1 from tentative')).rowCount).toBe(0);
    await database.end();
  });

  it('counts as if it were agreed to, until it is not', async () => {
    const text = `forbid (principal, action == Action::"transfer", resource)
      when { context.velocity.destination.hour.amountMillionths > 10000000 };`; // 10 BTC, far from what has been paid
    const entry = alpha.charter.append({ kind: 'policy.set', id: 'ten-an-hour', text, owner: 'alpha', wallet: null });
    expect(codeOf(await alpha.a.pushEntries([entry]))).toBe('accepted');
    const other: Tentative = {
      payloadDigest: payloadDigest(alpha.honest()),
      wallet: 'alpha-btc',
      owner: 'alpha',
      asset: BTC,
      payee: alpha.firm.payee.bitcoin,
      initiator: 'olivia',
      purpose: 'PAYMENT',
      amount: '999990000', // a hair under 10 BTC
      at: new Date().toISOString(),
    };
    tell = (question) => told(question, { tentatives: [other] });
    expect(codeOf(await pay())).toBe('signer.contended');
    tell = (question) => told(question, { tentatives: [{ ...other, owner: 'beta' }] });
    expect(codeOf(await pay())).toBe('accepted');
    tell = (question) => told(question);
    expect(codeOf(await pay())).toBe('accepted');
  });
});
