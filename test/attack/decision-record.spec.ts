import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { ZERO_DIGEST } from '@bulkhead/intent';
import { decisionHash, verifyDecision, type SignedDecision } from '@bulkhead/policy';
import { SignerClient, type SigningResult } from '../../apps/orchestrator/src/signers/signer-client.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
});
afterAll(() => alpha.processes.stop());

/** The signer as the genesis names it: all that an auditor needs. */
const known = (id: string) => alpha.charter.state.genesis.signers.find((signer) => signer.id === id)!;
const decisionOf = (answer: SigningResult): SignedDecision => {
  const decision = answer.ok ? answer.value.decision : answer.decision;
  if (!decision) throw new Error('no decision record');
  return decision;
};
const verdict = (decision: SignedDecision, id = 'signer-a') => codeOf(verifyDecision(decision, known(id)));

describe('the decision record of a signer', () => {
  it('comes with every answer, verifies by the charter alone, and follows from the one before', async () => {
    const no = decisionOf(await alpha.a.signTransfer(alpha.request(alpha.honest(), {}, { approvers: [] })));
    const yes = decisionOf(await alpha.a.signTransfer(alpha.request(alpha.honest())));
    expect([verdict(no), verdict(yes)]).toEqual(['accepted', 'accepted']);
    expect(no.record).toMatchObject({ position: 0, previous: ZERO_DIGEST, decision: 'REFUSE', commits: [] });
    expect(no.record.code).toBe('approval.quorum-not-met');
    expect(yes.record).toMatchObject({ position: 1, previous: decisionHash(no.record), decision: 'SIGN', code: null });
    expect(yes.record.commits).toHaveLength(1);
    expect(yes.record.facts).toMatchObject({
      quorums: 'transfer.PAYMENT',
      approvers: 'omar, carla',
      fee: expect.stringMatching(/^\d+ bip122:.*slip44:0$/),
    });
    expect(yes.record.facts['policies']).not.toBe('');
    expect(yes.record.heads.firm).toEqual(alpha.charter.state.heads.get('firm'));
  });

  it('is refused when a field, the signature or the certificate is changed, and for another signer', async () => {
    const good = decisionOf(await alpha.a.signTransfer(alpha.request(alpha.honest())));
    const other = decisionOf(await alpha.b.signTransfer(alpha.request(alpha.honest())));
    const { record } = good;
    const altered: SignedDecision[] = [
      { ...good, record: { ...record, decision: 'REFUSE', code: 'intent.expired' } },
      { ...good, record: { ...record, position: record.position + 1 } },
      { ...good, record: { ...record, at: '2020-01-01T00:00:00.000Z' } },
      { ...good, record: { ...record, commits: [] } },
      { ...good, signature: other.signature },
      { ...good, signature: '0'.repeat(128) },
      { ...good, certificate: other.certificate },
      { ...good, certificate: '' },
    ];
    expect(altered.map((decision) => verdict(decision))).toEqual(altered.map(() => 'signer.decision-invalid'));
    expect(verdict(other)).toBe('signer.decision-invalid');
    const inAnothersName = { ...other, record: { ...other.record, signer: 'signer-a' } };
    expect(verdict(inAnothersName)).toBe('signer.decision-invalid');
  });
});

describe('an orchestrator that is given the record of another question or answer', () => {
  let server: Server;
  let client: SignerClient;
  let answer: { status: number; body: unknown };
  beforeAll(async () => {
    const { tls } = alpha.processes.stack;
    const { keyFile, certificateFile: certFile } = tls['signer-a'];
    server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, (request, response) => {
      request.resume().once('end', () => response.writeHead(answer.status).end(JSON.stringify(answer.body)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const own = tls.orchestrator;
    client = new SignerClient(
      { id: 'signer-a', url, certFile },
      { keyFile: own.keyFile, certFile: own.certificateFile },
      5_000,
    );
  });
  afterAll(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });

  it('takes the right one and neither of the others', async () => {
    const request = alpha.request(alpha.honest());
    const first = await alpha.a.signTransfer(request);
    const elsewhere = await alpha.a.signTransfer(alpha.request(alpha.honest()));
    if (!first.ok || !elsewhere.ok) throw new Error('both are signed');
    const told = async (status: number, body: unknown) => {
      answer = { status, body };
      return codeOf(await client.signTransfer(request));
    };
    expect(await told(200, first.value)).toBe('accepted');
    expect(await told(200, { ...first.value, decision: elsewhere.value.decision })).toBe('signer.decision-invalid');
    const no = { type: 'x', title: 'x', status: 422, code: 'intent.expired', detail: 'x', facts: {} };
    expect(await told(422, { ...no, decision: first.value.decision })).toBe('signer.decision-invalid');
    expect(await told(422, no)).toBe('intent.expired');
  });
});
