/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { createHash, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { jest } from '@jest/globals';
import type { Decision } from '@bulkhead/approval';
import { intentDigest } from '@bulkhead/intent';
import { z } from 'zod';
import { toDecideOn, type TransferWish } from '../../apps/cli/src/api/custody-client.js';
import type { MemberDevice } from '../../apps/cli/src/members/member-device.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { Bulkhead } from '../support/bulkhead.js';
import { inShort, problemOf, type HttpAnswer, type HttpCaller } from '../support/http-caller.js';
import { MEDIA, operationsOf, schemasWithin, type OpenApiDocument } from '../support/openapi-document.js';

jest.setTimeout(60_000); // real processes on a busy machine

const PUBLIC = ['GET /health', 'GET /ready'];
const GUARDED = [
  'GET /v1/assets',
  'GET /v1/chains',
  'GET /v1/charter',
  'GET /v1/charter/entries',
  'GET /v1/charter/intents',
  'GET /v1/charter/intents/{id}',
  'GET /v1/clients/{id}/recovery-kit',
  'GET /v1/deposits',
  'GET /v1/deposits/{id}',
  'GET /v1/destinations',
  'GET /v1/incidents',
  'GET /v1/incidents/{id}',
  'GET /v1/keys',
  'GET /v1/ledger/entries',
  'GET /v1/ledger/positions',
  'GET /v1/owners',
  'GET /v1/owners/{id}/destinations/ownership-message',
  'GET /v1/policies',
  'GET /v1/reconciliations/latest',
  'GET /v1/signers/{id}/decisions',
  'GET /v1/transfers',
  'GET /v1/transfers/{id}',
  'GET /v1/transfers/{id}/decisions',
  'GET /v1/transfers/{id}/history',
  'GET /v1/transfers/{id}/policies',
  'GET /v1/wallets',
  'GET /v1/wallets/{id}',
  'GET /v1/wallets/{id}/addresses',
  'GET /v1/wallets/{id}/replacement',
  'POST /v1/charter/intents',
  'POST /v1/charter/intents/{id}/approvals',
  'POST /v1/charter/previews',
  'POST /v1/key-destructions',
  'POST /v1/policies/back-tests',
  'POST /v1/policies/checks',
  'POST /v1/mpc-groups',
  'POST /v1/passkeys/registration-options',
  'POST /v1/passkeys/registrations',
  'POST /v1/reconciliations',
  'POST /v1/transfers',
  'POST /v1/transfers/{id}/approvals',
  'POST /v1/transfers/{id}/cancellation',
  'POST /v1/wallet-keys',
  'POST /v1/wallets/{id}/addresses',
  'POST /v1/wallets/{id}/incoming-keys',
  'POST /v1/wallets/{id}/resharings',
  'POST /v1/wallets/{id}/share-refreshes',
  'POST /v1/wallets/{id}/share-releases',
  'PUT /v1/transfers/{id}/attestations',
];
/** No signed intent stands behind these, and they leave something for good: keys in tokens, issued addresses. */
const FOR_INITIATORS = [
  'POST /v1/mpc-groups',
  'POST /v1/wallet-keys',
  'POST /v1/wallets/{id}/addresses',
  'POST /v1/wallets/{id}/incoming-keys',
  'POST /v1/wallets/{id}/resharings',
  'POST /v1/wallets/{id}/share-refreshes',
  'POST /v1/wallets/{id}/share-releases',
];
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

let bulkhead: Bulkhead;
let scene: Scene;
let http: HttpCaller;
let document: OpenApiDocument;
let wish: TransferWish;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  ({ http } = bulkhead);
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', [1_000_000n, 1_000_000n, 1_000_000n, 1_000_000n]);
  document = JSON.parse((await http.call('GET', '/openapi.json', { token: null })).text) as OpenApiDocument;
  wish = {
    owner: 'alpha',
    wallet: 'alpha-btc',
    asset: bulkhead.cast.btc,
    to: scene.alphaBitcoinDestination,
    amount: 100_000n,
    maxFee: 20_000n,
  };
}, 120_000);
afterAll(() => bulkhead.stop());

/** A call of a route by its line in the table, with ids that fit its place. */
async function callRoute(route: string, options: Parameters<HttpCaller['call']>[2] = {}): Promise<HttpAnswer> {
  const [method = '', path = ''] = route.split(' ');
  const id = { wallets: 'alpha-btc', signers: 'signer-a' }[path.split('/')[2] ?? ''] ?? randomUUID();
  return http.call(method, path.replace('{id}', id), { ...(method !== 'GET' && { body: {} }), ...options });
}

describe('the routes', () => {
  it('are those of the table: a new one is guarded, or is put there as public', () => {
    const routes = operationsOf(document).map(({ route }) => route);
    expect(routes.toSorted()).toEqual([...PUBLIC, ...GUARDED].toSorted());
  });

  it.each(GUARDED)('%s answers nobody without a token', async (route) => {
    const { olivia } = bulkhead.cast;
    const unknown = createHash('sha256').update('somebody').digest('base64url');
    const known = createHash('sha256').update(olivia.apiToken).digest('hex'); // what the server keeps is no key to it
    const headers = [
      {},
      ...[`Bearer ${unknown}`, `Bearer ${known}`, 'Bearer', 'Bearer ', `Basic ${olivia.apiToken}`, olivia.apiToken].map(
        (authorization) => ({ authorization }),
      ),
    ];
    const answers = await Promise.all(headers.map((each) => callRoute(route, { token: null, headers: each })));
    expect(answers.map(inShort)).toEqual(headers.map(() => '401 request.unauthenticated'));
  });

  it.each(FOR_INITIATORS)('%s is not for members who may start nothing of the kind', async (route) => {
    const { carla } = bulkhead.cast;
    expect(inShort(await callRoute(route, { token: carla.apiToken }))).toBe('422 approval.not-eligible');
  });

  it.each(PUBLIC)('%s answers everybody', async (route) => {
    expect((await callRoute(route, { token: null })).status).toBe(200);
  });

  it.each([...PUBLIC, ...GUARDED].filter((route) => route.startsWith('GET')))(
    '%s refuses a query that it does not know',
    async (route) => {
      const [, path] = route.split(' ');
      expect(inShort(await callRoute(`GET ${path!}?unheard-of=1`))).toBe('400 request.malformed');
    },
  );

  it.each(GUARDED.filter((route) => route.startsWith('POST')))(
    '%s refuses a field that it does not know',
    async (route) => {
      expect(inShort(await callRoute(route, { body: { 'unheard-of': 1 } }))).toBe('400 request.malformed');
    },
  );
});

describe('the OpenAPI document', () => {
  it('is of version 3.1 and whole', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document.info).toMatchObject({ title: 'Bulkhead', version: expect.any(String) });
    expect(document.components.securitySchemes).toHaveProperty('bearer', expect.objectContaining({ scheme: 'bearer' }));
    const ids = operationsOf(document).map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const text = JSON.stringify(document);
    expect(text).not.toContain('"nullable"'); // OpenAPI 3.0; JSON Schema 2020-12 does not know it
    for (const [, pointer] of text.matchAll(/"\$ref":"#\/([^"]*)"/g)) {
      expect(pointer!.split('/').reduce<unknown>((at, key) => Reflect.get(at as object, key), document)).toBeDefined();
    }
  });

  it('says of every operation what it takes, what it answers and how it refuses', () => {
    for (const { route, path, operation } of operationsOf(document)) {
      const { responses, parameters = [], security } = operation;
      const successes = Object.keys(responses).filter((status) => /^2\d\d$/.test(status));
      expect([route, successes.length]).toEqual([route, 1]);
      expect(responses[successes[0]!]).toMatchObject({ description: expect.any(String), content: { [MEDIA]: {} } });
      const refusal = responses.default?.content?.['application/problem+json']?.schema;
      expect([route, refusal?.required]).toEqual([route, ['type', 'title', 'status', 'code', 'detail', 'facts']]);
      const declared = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
      expect([route, declared]).toEqual([route, path.match(/\{\w+\}/g) ?? []]);
      expect([route, security]).toEqual([route, PUBLIC.includes(route) ? undefined : [{ bearer: [] }]]);
    }
  });

  it('lets no object of a request have fields that are not named', () => {
    const bodies = operationsOf(document).flatMap(({ route, operation }) =>
      operation.requestBody ? [{ route, schema: operation.requestBody.content[MEDIA]!.schema }] : [],
    );
    expect(bodies.length).toBeGreaterThanOrEqual(6);
    for (const { route, schema } of bodies) {
      for (const inner of schemasWithin(schema)) {
        if (inner.properties) expect([route, inner.additionalProperties]).toEqual([route, false]);
      }
    }
  });

  it.each(GUARDED.filter((route) => route.startsWith('GET') && !/\{id\}|latest/.test(route)))(
    '%s answers as it says',
    async (route) => {
      const operation = operationsOf(document).find((candidate) => candidate.route === route)!.operation;
      const answer = await callRoute(route);
      expect(answer.contentType).toMatch(/^application\/json/);
      const schema = z.fromJSONSchema(operation.responses['200']!.content![MEDIA]!.schema);
      expect(schema.safeParse(JSON.parse(answer.text)).error).toBeUndefined();
    },
  );

  it('is served as a page that loads nothing from elsewhere', async () => {
    const page = await http.call('GET', '/docs', { token: null });
    expect([page.status, page.contentType]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    expect(page.text).toContain('Bulkhead API');
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThanOrEqual(4);
    for (const link of links) {
      const target = new URL(link, `${http.url}/docs`);
      expect(target.origin).toBe(http.url);
      expect((await http.call('GET', target.pathname, { token: null })).status).toBe(200);
    }
  });
});

describe('a request that cannot be read', () => {
  const post = (body: unknown, headers = {}) => http.call('POST', '/v1/transfers', { body, headers });

  it.each([
    ['half of a JSON text', '{"intent":'],
    ['nothing, called JSON', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['a text', '"transfer"'],
    ['a field that would reach the prototype', '{"__proto__":{"intent":1}}'],
  ])('is refused: %s', async (_what, body) => {
    expect(inShort(await post(body))).toBe('400 request.malformed');
  });

  it.each(['application/xml', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'is refused: %s instead of JSON',
    async (type) => {
      expect(inShort(await post('wallet=alpha-btc', { 'content-type': type }))).toBe('415 request.malformed');
    },
  );

  it('is refused: more than there is room for, before it is read', async () => {
    expect(inShort(await announce(BODY_LIMIT_BYTES + 1))).toBe('413 request.malformed');
  });

  it.each([
    ['GET', '/v1/nothing-here', '404 request.not-found'],
    ['GET', '/', '404 request.not-found'],
    ['DELETE', '/v1/transfers', '404 request.not-found'],
    ['PUT', '/v1/wallets/alpha-btc', '404 request.not-found'],
    ['GET', '/v1/%zz', '400 request.malformed'],
    ['GET', '/v1/wallets/%00', '400 request.malformed'],
    ['GET', `/v1/wallets/${'x'.repeat(300)}`, '414 request.malformed'],
    ['GET', '/v1/charter/entries?limit=0', '400 request.malformed'],
    ['GET', '/v1/charter/entries?after=-1', '400 request.malformed'],
    ['GET', '/v1/wallets?owner=alpha&owner=beta', '400 request.malformed'],
    ['GET', '/v1/transfers?state=GONE', '400 request.malformed'],
  ])('is refused: %s %s', async (method, path, expected) => {
    expect(inShort(await http.call(method, path))).toBe(expected);
  });

  it.each([
    ['a key with U+0000', '{"\\u0000":1}'],
    ['a value with U+0000', '{"intent":"\\u0000"}'],
    ['half a character', '{"intent":"\\ud800"}'],
  ])('is refused with an Idempotency-Key too: %s', async (_what, body) => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await post(body, headers);
    expect(inShort(first)).toBe('400 request.malformed');
    expect((await post(body, headers)).text).toBe(first.text);
  });
});

/** A POST that announces so many bytes and waits for the answer before it sends them. */
function announce(bytes: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${bulkhead.cast.olivia.apiToken}`,
      'content-type': 'application/json',
      'content-length': bytes,
    };
    const sent = request(`${http.url}/v1/transfers`, { method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => {
        const contentType = answer.headers['content-type'] ?? '';
        resolve({ status: answer.statusCode!, contentType, headers: new Headers(), text });
        sent.destroy();
      });
    });
    sent.on('error', reject);
    sent.flushHeaders();
  });
}

describe('an Idempotency-Key', () => {
  const send = (body: unknown, key: string, token?: string) =>
    http.call('POST', '/v1/transfers', { body, headers: { 'idempotency-key': key }, ...(token && { token }) });
  const sign = (changes: Partial<TransferWish> = {}) =>
    bulkhead.cast.client.signIntent(bulkhead.cast.olivia, { ...wish, ...changes });
  const transfersOf = async (id: string): Promise<number> =>
    (await bulkhead.query('select 1 from transfer where id = $1', id)).length;

  it('gives the first answer again', async () => {
    const body = await sign();
    const first = await send(body, body.intent.id);
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
    await bulkhead.approve(await bulkhead.cast.client.transfer(bulkhead.cast.olivia, body.intent.id));
    const second = await send(body, body.intent.id);
    expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(JSON.parse(second.text)).toEqual(JSON.parse(first.text)); // as it was then, whatever has become of it
    expect(await transfersOf(body.intent.id)).toBe(1);
  });

  it('gives the first refusal again', async () => {
    const body = await sign({ to: scene.strangerBitcoin });
    const first = await send(body, body.intent.id);
    const second = await send(body, body.intent.id);
    expect(inShort(first)).toBe('422 segregation.unknown-destination');
    expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([422, 'true']);
    expect(problemOf(second)).toEqual(problemOf(first));
  });

  it('is the same request in whatever order its fields come', async () => {
    const { intent, proposal } = await sign({ to: scene.strangerBitcoin });
    await send({ intent, proposal }, intent.id);
    expect((await send({ proposal, intent }, intent.id)).headers.get('idempotency-replayed')).toBe('true');
  });

  it('is refused with another body, and at another route', async () => {
    const body = await sign({ to: scene.strangerBitcoin });
    const key = randomUUID();
    await send(body, key);
    expect(inShort(await send(await sign(), key))).toBe('409 request.idempotency-key-reused');
    const elsewhere = await http.call('POST', '/v1/wallets/alpha-btc/addresses', {
      body,
      headers: { 'idempotency-key': key },
    });
    expect(inShort(elsewhere)).toBe('409 request.idempotency-key-reused');
  });

  it('is each member’s own', async () => {
    const key = randomUUID();
    await send(await sign({ to: scene.strangerBitcoin }), key);
    const { client, omar } = bulkhead.cast;
    const byOmar = await client.signIntent(omar, { ...wish, to: scene.strangerBitcoin });
    expect(inShort(await send(byOmar, key, omar.apiToken))).toBe('422 segregation.unknown-destination');
  });

  it('makes one transfer of ten requests at once', async () => {
    const body = await sign();
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(body, body.intent.id)));
    const shorts = answers.map(inShort);
    expect(shorts.filter((short) => !['201', '409 request.idempotency-in-progress'].includes(short))).toEqual([]);
    expect(shorts.filter((short) => short === '201').length).toBeGreaterThanOrEqual(1);
    expect(await transfersOf(body.intent.id)).toBe(1);
    const settled = await send(body, body.intent.id);
    expect([settled.status, settled.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    const [{ holders } = { holders: 0 }] = await bulkhead.query<{ holders: number }>(
      'select count(*)::int as holders from reservation where transfer = $1',
      body.intent.id,
    );
    expect(holders).toBe(1);
  });

  it('gives one address of ten requests at once', async () => {
    const key = randomUUID();
    const ask = () =>
      http.call('POST', '/v1/wallets/beta-btc/addresses', { body: {}, headers: { 'idempotency-key': key } });
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    const given = answers.filter(({ status }) => status === 201).map(({ text }) => text);
    expect(new Set(given).size).toBe(1);
    expect(await bulkhead.get('/v1/wallets/beta-btc/addresses')).toHaveLength(1);
  });

  it('gives one address of one request, and another of the next', async () => {
    const ask = (key: string) =>
      http.call('POST', '/v1/wallets/beta-btc/addresses', { body: {}, headers: { 'idempotency-key': key } });
    const [first, second] = [await ask('first'), await ask('second')];
    expect(first.text).not.toBe(second.text);
    expect((await ask('first')).text).toBe(first.text);
  });

  it.each(['', 'two words', 'x'.repeat(201)])('is refused when it is none: %j', async (key) => {
    expect(inShort(await send(await sign(), key))).toBe('400 request.malformed');
  });
});

describe('a token', () => {
  it('carries its own member’s proposals only', async () => {
    const { client, olivia, omar } = bulkhead.cast;
    const transfer = await client.signIntent(olivia, wish);
    const body = { body: transfer, token: omar.apiToken };
    expect(inShort(await http.call('POST', '/v1/transfers', body))).toBe('403 request.forbidden');
    const act = await client.proposeAct(
      olivia,
      { kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } },
      'gamma',
    );
    const digest = intentDigest(act.intent);
    const charterSequence = act.intent.firmHead!.sequence;
    const proposal = olivia.say('PROPOSE', { firm: act.intent.firm, intent: digest, payload: digest, charterSequence });
    const charter = { body: { intent: act.intent, proposal }, token: omar.apiToken };
    expect(inShort(await http.call('POST', '/v1/charter/intents', charter))).toBe('403 request.forbidden');
  });

  it('carries its own member’s approvals only', async () => {
    const { client, olivia, omar, oskar, carla } = bulkhead.cast;
    const pending = await bulkhead.propose(wish);
    const approval = omar.say('APPROVE', pending.toApprove!);
    const path = `/v1/transfers/${pending.id}/approvals`;
    for (const { apiToken: token } of [olivia, oskar, carla]) {
      expect(inShort(await http.call('POST', path, { body: { approval }, token }))).toBe('403 request.forbidden');
    }
    expect((await client.transfer(olivia, pending.id)).approvals).toEqual([]);
  });

  it('lets nobody but its initiator call a transfer off', async () => {
    const view = await bulkhead.propose(wish);
    const path = `/v1/transfers/${view.id}/cancellation`;
    const { olivia, omar } = bulkhead.cast;
    const by = (device: MemberDevice, decision: Decision) => ({
      body: { rejection: device.say(decision, toDecideOn(view)) },
    });
    expect(inShort(await http.call('POST', path, { ...by(omar, 'REJECT'), token: omar.apiToken }))).toBe(
      '403 request.forbidden',
    );
    for (const unsigned of [{}, by(omar, 'REJECT'), by(olivia, 'APPROVE')]) {
      expect(inShort(await http.call('POST', path, unsigned))).toBe('422 approval.malformed');
    }
    expect((await http.call('POST', path, by(olivia, 'REJECT'))).status).toBe(200);
    expect(inShort(await http.call('POST', path, by(olivia, 'REJECT')))).toBe('409 intent.state');
  });
});

describe('health and readiness', () => {
  const ready = () => http.call('GET', '/ready', { token: null });
  const untilReady = () => until('readiness', async () => ((await ready()).status === 200 ? true : undefined));

  it('says what every part is at', async () => {
    expect(JSON.parse((await ready()).text)).toMatchObject({
      status: 'ready',
      parts: { database: 'ok', 'signer-a': 'ok', 'signer-b': 'ok', 'signer-c': 'ok' },
    });
  });

  it.each([
    ['signer-b', 'signer-b', 'signer.unavailable'],
    ['bitcoind', 'bitcoin', 'chain.unavailable'],
  ] as const)('without %s is alive but not ready, says why, and recovers', async (part, fact, code) => {
    await bulkhead.stack.part(part).stop();
    const problem = problemOf(await ready());
    expect(problem).toMatchObject({ status: 503, code: 'chain.unavailable', facts: { [fact]: code, database: 'ok' } });
    expect((await http.call('GET', '/health', { token: null })).status).toBe(200);
    await bulkhead.stack.part(part).start();
    await untilReady();
  });
});
