import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orThrow, type Digest } from '@bulkhead/intent';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { SignersService } from '../../apps/orchestrator/src/signers/signers.service.js';
import { startStack, type Stack } from '../../apps/cli/src/stack/index.js';
import { codeOf } from '../support/outcome.js';

const TIMEOUT_MS = 500;
const HEADS = { firm: 'ab'.repeat(32) as Digest, heads: {}, entries: 0 };

let folder: string;
let stack: Stack;
let server: Server;
let client: SignerClient;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const json = (status: number, body: unknown) => (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-hostile-'));
  stack = await startStack({ root: folder, only: ['tls'] });
  const own = stack.tls['signer-a'];
  const tls = { key: readFileSync(own.keyFile), cert: readFileSync(own.certificateFile) };
  server = createServer({ ...tls, minVersion: 'TLSv1.3' }, (request, response) => {
    request.resume().once('end', () => {
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new SignerClient(address(), identity(), TIMEOUT_MS);
});
afterAll(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await stack.stop();
  rmSync(folder, { recursive: true });
});

const address = () => ({
  id: 'signer-a',
  url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
  certFile: stack.tls['signer-a'].certificateFile,
});
const identity = () => {
  const { keyFile, certificateFile } = stack.tls.orchestrator;
  return { keyFile, certFile: certificateFile };
};

describe('a client of a signer that misbehaves', () => {
  it.each([
    ['no JSON', (_: IncomingMessage, response: ServerResponse) => response.end('<html>')],
    ['a field that was not agreed', json(200, { ...HEADS, surprise: true })],
    ['a field too few', json(200, { firm: HEADS.firm, heads: {} })],
    ['another status', json(201, HEADS)],
    ['a redirect', json(302, {})],
    [
      'a problem with a code that is in no catalogue',
      json(422, { type: 'x', title: 'x', status: 422, code: 'made.up', detail: 'x', facts: {} }),
    ],
    [
      'a code that every object has',
      json(422, { type: 'x', title: 'x', status: 422, code: 'constructor', detail: 'x', facts: {} }),
    ],
  ])('calls the answer invalid when it is %s', async (_name, misbehave) => {
    answer = misbehave;
    expect(codeOf(await client.heads())).toBe('signer.answer-invalid');
  });

  it('gives a key to nobody else’s wallet', async () => {
    const key = { signer: 'signer-a', wallet: 'other', publicKey: `02${'11'.repeat(32)}`, attributes: {} };
    answer = json(200, key);
    expect(codeOf(await client.generateKey('wanted'))).toBe('signer.answer-invalid');
    expect(codeOf(await client.generateKey('other'))).toBe('accepted');
  });

  it('waits no longer than it was told to', async () => {
    answer = () => undefined;
    expect(codeOf(await client.heads())).toBe('signer.timeout');
    answer = (_request, response) => response.write('{');
    expect(codeOf(await client.heads())).toBe('signer.timeout');
  });

  it('reads no endless answer', async () => {
    answer = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 20)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect(['signer.unavailable', 'signer.timeout']).toContain(codeOf(await client.heads()));
  });

  it('asks again on a new connection when an old one was closed under it', async () => {
    answer = json(200, HEADS);
    orThrow(await client.heads());
    server.closeAllConnections();
    expect(orThrow(await client.heads())).toEqual(HEADS);
  });

  it('carries the signer’s own refusal', async () => {
    answer = json(409, {
      type: 'x',
      title: 'x',
      status: 409,
      code: 'charter.gap',
      detail: 'missing',
      facts: { head: '3' },
    });
    expect(await client.heads()).toEqual({
      ok: false,
      refusal: { code: 'charter.gap', detail: 'missing', facts: { head: '3', signer: 'signer-a' } },
    });
  });

  it('goes by each signer alone: one that is away does not stop the others', async () => {
    answer = json(200, HEADS);
    const away = { ...address(), id: 'signer-b', url: 'https://127.0.0.1:1' };
    const signers = new SignersService({ signers: [address(), away], tls: identity(), timeoutMs: TIMEOUT_MS });
    const codes = (await signers.heads()).map(({ signer, result }) => [signer, codeOf(result)]);
    expect(codes).toEqual([
      ['signer-a', 'accepted'],
      ['signer-b', 'signer.unavailable'],
    ]);
    expect(codeOf(await signers.generateKeys('any', ['signer-a', 'signer-b']))).not.toBe('accepted');
    signers.onApplicationShutdown();
  });
});
