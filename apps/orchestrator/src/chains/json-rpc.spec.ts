import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REGTEST } from '@bulkhead/intent';
import { BitcoinClient } from './bitcoin-client.js';
import { RpcRefusal } from './json-rpc.js';

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-rpc-'));
const cookieFile = join(folder, '.cookie');

let server: Server;
let answer: () => { status: number; body: string } | undefined;
let authorizations: (string | undefined)[];
beforeEach(async () => {
  writeFileSync(cookieFile, '__cookie__:first\n');
  authorizations = [];
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    const given = answer();
    if (given) response.writeHead(given.status).end(given.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const client = (timeoutMs = 1_000) =>
  new BitcoinClient({
    chain: REGTEST,
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    cookieFile,
    confirmations: 1,
    pollMs: 20,
    timeoutMs,
    feeRateFloorSatVb: 2,
  });
const says = (body: string, status = 200) => {
  answer = () => ({ status, body });
};
const unavailable = (reason: RegExp) => ({
  refusal: { code: 'chain.unavailable', facts: { reason: expect.stringMatching(reason) as string } },
});

describe('asking a node', () => {
  it('reads amounts digit by digit', async () => {
    says('{"result":{"feerate":0.00012345,"blocks":2},"error":null}');
    expect(await client().feeRateSatVb(2)).toBe(13); // 12.345 satoshi, rounded up
    says('{"result":{"feerate":0.00000001},"error":null}');
    expect(await client().feeRateSatVb(2)).toBe(2); // the floor
    says('{"result":{"errors":["Insufficient data"]},"error":null}');
    expect(await client().feeRateSatVb(2)).toBe(2);
  });

  it('reads the cookie anew when the node has made another', async () => {
    const asked = client();
    says('{"result":7,"error":null}');
    await asked.blockCount();
    writeFileSync(cookieFile, '__cookie__:second\n');
    const basic = (cookie: string) => `Basic ${Buffer.from(cookie).toString('base64')}`;
    answer = () =>
      authorizations.at(-1) === basic('__cookie__:second')
        ? { status: 200, body: '{"result":8,"error":null}' }
        : { status: 401, body: '' };
    expect(await asked.blockCount()).toBe(8);
    expect(authorizations).toHaveLength(3);
  });

  it.each([
    ['credentials that are not taken', '', 401, /401/],
    ['a page of some proxy', '<html>', 502, /502/],
    ['a node that is starting', '{"result":null,"error":{"code":-28,"message":"Loading block index"}}', 500, /Loading/],
    ['an answer of another shape', '{"result":"seven","error":null}', 200, /not understood/],
  ])('takes %s for a node that does not answer', async (_what, body, status, reason) => {
    says(body, status);
    await expect(client().blockCount()).rejects.toMatchObject(unavailable(reason));
  });

  it('gives up on a node that is silent', async () => {
    answer = () => undefined;
    await expect(client(100).blockCount()).rejects.toMatchObject(unavailable(/timeout/));
  });

  it('lets an error of the node be told from silence', async () => {
    says('{"result":null,"error":{"code":-1,"message":"misused"}}', 500);
    await expect(client().blockCount()).rejects.toBeInstanceOf(RpcRefusal);
  });
});
