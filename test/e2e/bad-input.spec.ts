/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { erc20Asset } from '@bulkhead/intent';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { ETHEREUM } from '../../apps/cli/src/story/cast.js';
import type { ReconciliationView } from '../../apps/cli/src/story/ending.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';
import { inShort, problemOf, type HttpAnswer } from '../support/http-caller.js';
import { signChanged, type Changes } from '../support/signed-intent.js';

jest.setTimeout(60_000); // real processes on a busy machine

const ETHER = 10n ** 18n;
const COINS_SAT = [1_000_000n, 900_000n];
const TOTAL_SAT = 1_900_000n;
const BY = { owner: 'alpha', wallet: 'alpha-btc' } as const;

let bulkhead: Bulkhead;
let scene: Scene;
/** Payments that are sound in everything: each test spoils one thing. */
let btcWish: TransferWish;
let ethWish: TransferWish;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', COINS_SAT);
  await bulkhead.fundEther(scene.alphaSafe, ETHER);
  const { btc, eth } = bulkhead.cast;
  btcWish = { ...BY, asset: btc, to: scene.alphaBitcoinDestination, amount: 100_000n, maxFee: 20_000n };
  ethWish = { ...BY, wallet: 'alpha-eth', asset: eth, to: scene.alphaEthereumDestination, amount: ETHER / 10n };
}, 120_000);
afterAll(() => bulkhead.stop());

/** Everything that a refusal must leave as it was. */
async function standing(): Promise<unknown> {
  const wallets = ['alpha-btc', 'alpha-eth', 'beta-btc', 'house-btc'];
  const held = await Promise.all(wallets.map((wallet) => bulkhead.held(wallet)));
  const issued = await bulkhead.query('select address from managed_address where issued_at is not null order by 1');
  return { held, issued, positions: await bulkhead.get('/v1/ledger/positions') };
}

async function send(wish: TransferWish, changes: Changes): Promise<HttpAnswer> {
  const body = await signChanged(bulkhead.cast, wish, changes);
  return bulkhead.http.call('POST', '/v1/transfers', { body });
}

/** The spoilt intent is refused so, with and without an Idempotency-Key, and nothing is left of it. */
async function expectRefusal(wish: TransferWish, changes: Changes, expected: string): Promise<void> {
  const before = await standing();
  expect([changes, inShort(await send(wish, changes))]).toEqual([changes, expected]);
  expect(await standing()).toEqual(before);
}

describe('ids', () => {
  it.each([
    [{ owner: 'nobody' }, '422 charter.unknown-owner'],
    [{ owner: '../alpha' }, '400 request.malformed'],
    [{ owner: 'ALPHA' }, '400 request.malformed'],
    [{ owner: '' }, '400 request.malformed'],
    [{ wallet: 'no-such-wallet' }, '422 charter.unknown-wallet'],
    [{ wallet: 'beta-btc' }, '422 charter.unknown-wallet'], // somebody else's
    [{ wallet: 'house-btc' }, '422 charter.unknown-wallet'],
    [{ owner: 'house', wallet: 'alpha-btc' }, '422 charter.unknown-wallet'],
    [{ wallet: "alpha-btc'; drop table transfer; --" }, '400 request.malformed'],
    [{ id: 'first-transfer' }, '400 request.malformed'],
    [{ id: randomUUID().toUpperCase() }, '400 request.malformed'],
    [{ firm: 'ab'.repeat(32) }, '422 intent.wrong-firm'],
    [{ firm: 'ours' }, '400 request.malformed'],
    [{ initiator: 'nobody' }, '403 request.forbidden'],
  ])('that are unknown or malformed are refused: %j', async (changes, expected) => {
    await expectRefusal(btcWish, changes, expected);
  });

  it('a gas payer pays gas and nothing else', async () => {
    await expectRefusal({ ...ethWish, owner: 'house', wallet: 'house-gas' }, {}, '422 charter.unknown-wallet');
  });

  it.each([
    ['GET', '/v1/transfers/{unknown}', '404 request.not-found'],
    ['GET', '/v1/transfers/{unknown}/history', '404 request.not-found'],
    ['POST', '/v1/transfers/{unknown}/cancellation', '404 request.not-found'],
    ['GET', '/v1/charter/intents/{unknown}', '404 request.not-found'],
    ['GET', '/v1/deposits/{unknown}', '404 request.not-found'],
    ['GET', '/v1/incidents/{unknown}', '404 request.not-found'],
    ['GET', '/v1/wallets/no-such-wallet', '404 request.not-found'],
    ['GET', '/v1/wallets/no-such-wallet/addresses', '404 request.not-found'],
    ['POST', '/v1/wallets/no-such-wallet/addresses', '404 request.not-found'],
    ['GET', '/v1/transfers/7', '400 request.malformed'],
    ['POST', '/v1/transfers/7/cancellation', '400 request.malformed'],
    ['GET', '/v1/charter/intents/7', '400 request.malformed'],
    ['GET', '/v1/deposits/7', '400 request.malformed'],
    ['GET', '/v1/incidents/7', '400 request.malformed'],
    ['GET', '/v1/wallets/Alpha_BTC', '400 request.malformed'],
    ['GET', '/v1/transfers?owner=Alpha_1', '400 request.malformed'],
    ['GET', '/v1/ledger/positions?asset=BTC', '400 request.malformed'],
  ])('%s %s is refused', async (method, path, expected) => {
    const body = method === 'POST' ? { body: {} } : {};
    expect(inShort(await bulkhead.http.call(method, path.replace('{unknown}', randomUUID()), body))).toBe(expected);
  });

  it('of an intent cannot be used again for another, and gives the same transfer for the same', async () => {
    const { client, olivia } = bulkhead.cast;
    const first = await client.signIntent(olivia, btcWish);
    const post = (body: unknown) => bulkhead.http.call('POST', '/v1/transfers', { body });
    expect((await post(first)).status).toBe(201);
    const again = await post(first);
    expect([again.status, (JSON.parse(again.text) as TransferView).id]).toEqual([201, first.intent.id]);
    await expectRefusal(btcWish, { id: first.intent.id, amount: '99999' }, '409 intent.duplicate');
    const view = await client.transfer(olivia, first.intent.id);
    expect(view.intent).toEqual(first.intent);
    await client.cancelTransfer(olivia, view);
    await expectRefusal(btcWish, { id: first.intent.id, amount: '99998' }, '409 intent.duplicate');
  });
});

describe('assets', () => {
  it.each([
    { asset: erc20Asset(ETHEREUM, `0x${'12'.repeat(20)}`) }, // not listed
    { asset: 'eip155:31337/slip44:60' }, // of another chain than the wallet's
    { asset: 'bip122:000000000019d6689c085ae165831e93/slip44:0' }, // of the main network
  ])('that the wallet cannot hold are refused: %j', async (changes) => {
    await expectRefusal(btcWish, changes, '422 asset.unknown');
  });

  it.each(['BTC', '', 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:60', 'eip155:31337/erc20:0xABCD'])(
    'that have no such name are refused: %j',
    async (asset) => {
      await expectRefusal(btcWish, { asset }, '400 request.malformed');
    },
  );
});

describe('addresses', () => {
  // of other networks and with broken checksums: BIP-173's and EIP-55's own examples, and well-known ones
  it.each([
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'address.wrong-network'],
    ['BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4', 'address.wrong-network'],
    ['tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', 'address.wrong-network'],
    ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', 'address.wrong-network'],
    ['3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', 'address.wrong-network'],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5', 'address.bad-checksum'],
    ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', 'address.bad-checksum'],
    ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt08q', 'address.bad-checksum'],
    ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kYGT080', 'address.malformed'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'address.malformed'],
    ['olivia', 'address.malformed'],
    [' ', 'address.malformed'],
  ])('for bitcoin: %s is refused', async (to, code) => {
    await expectRefusal(btcWish, { to }, `422 ${code}`);
  });

  it.each([
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD', 'address.bad-checksum'],
    ['0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'address.bad-checksum'],
    [`0x${'0'.repeat(40)}`, 'address.malformed'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe', 'address.malformed'],
    ['5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'address.malformed'],
    ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', 'address.malformed'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'segregation.unknown-destination'], // sound, but nobody approved it
  ])('for ether: %s is refused', async (to, code) => {
    await expectRefusal(ethWish, { to }, `422 ${code}`);
  });

  it('that are the wallet’s own, the house’s or Beta’s are refused, each for its reason', async () => {
    const { cast } = bulkhead;
    const addresses = await Promise.all(['house-btc', 'beta-btc'].map((wallet) => cast.freshAddress(wallet)));
    await expectRefusal(btcWish, { to: addresses[0] }, '422 segregation.pays-house');
    await expectRefusal(btcWish, { to: addresses[1] }, '422 segregation.pays-other-client');
    await expectRefusal(btcWish, { to: scene.treasuryAddress }, '422 segregation.pays-house');
    await expectRefusal(ethWish, { to: scene.betaSafe }, '422 segregation.pays-other-client');
    await expectRefusal(ethWish, { to: scene.gasPayer }, '422 segregation.pays-house');
  });
});

const TOO_LARGE = `1${'0'.repeat(40)}`;

describe('amounts', () => {
  it.each([
    ['0', '422 amount.not-positive'],
    ['-1', '422 amount.not-positive'],
    ['1.5', '400 amount.malformed'],
    ['1e3', '400 amount.malformed'],
    ['0x10', '400 amount.malformed'],
    ['+5', '400 amount.malformed'],
    [' 5', '400 amount.malformed'],
    ['007', '400 amount.malformed'],
    ['1_000', '400 amount.malformed'],
    ['٣', '400 amount.malformed'],
    ['', '400 amount.malformed'],
    ['1\n', '400 amount.malformed'],
    [TOO_LARGE, '422 amount.too-large'],
    ['9'.repeat(91), '400 request.malformed'],
    [100_000, '400 request.malformed'],
    [null, '400 request.malformed'],
    ['1\0', '400 request.malformed'],
    ['2100000000000000', '422 amount.insufficient-funds'], // as much as there can ever be
    [TOTAL_SAT.toString(), '422 amount.insufficient-funds'], // nothing left for the network
    ['1', '422 amount.dust'],
    ['293', '422 amount.dust'], // P2WPKH: 294 is the least that Bitcoin Core relays
  ])('of bitcoin: %j is refused', async (amount, expected) => {
    await expectRefusal(btcWish, { amount }, expected);
  });

  it.each([
    ['0', '422 amount.not-positive'],
    ['-1', '422 amount.not-positive'],
    ['0.1', '400 amount.malformed'],
    ['1e18', '400 amount.malformed'],
    [TOO_LARGE, '422 amount.insufficient-funds'], // that many wei fit into 256 bits
    [(2n ** 256n).toString(), '422 amount.too-large'],
    [(ETHER + 1n).toString(), '422 amount.insufficient-funds'],
  ])('of ether: %j is refused', async (amount, expected) => {
    await expectRefusal(ethWish, { amount }, expected);
  });

  it('of a token that the Safe does not hold are refused', async () => {
    await expectRefusal({ ...ethWish, asset: bulkhead.cast.tusd }, { amount: '1' }, '422 amount.insufficient-funds');
  });

  it.each([
    ['0', '422 segregation.fee-over-cap'],
    ['1', '422 segregation.fee-over-cap'],
    ['-1', '400 amount.malformed'],
    ['1.5', '400 amount.malformed'],
    ['1e3', '400 amount.malformed'],
    ['', '400 amount.malformed'],
    [5, '400 request.malformed'],
  ])('of the fee that the network may take: %j is refused', async (maxFee, expected) => {
    await expectRefusal(btcWish, { maxFee }, expected);
  });
});

describe('the rest of an intent', () => {
  const inOneHour = new Date(Date.now() + 3_600_000).toISOString();
  it.each([
    [{ expiresAt: '2020-01-01T00:00:00.000Z' }, '409 intent.expired'],
    [{ expiresAt: 'tomorrow' }, '400 request.malformed'],
    [{ expiresAt: inOneHour.replace('Z', '+00:00') }, '400 request.malformed'],
    [{ memo: 'm'.repeat(201) }, '400 request.malformed'],
    [{ memo: 'the end\0of a C string' }, '400 request.malformed'],
    [{ v: 2 }, '400 request.malformed'],
    [{ kind: 'charter' }, '400 request.malformed'],
    [{ note: 'please' }, '400 request.malformed'],
    [{ purpose: 'GIFT' }, '400 request.malformed'],
    [{ purpose: 'FEE_INVOICE' }, '422 segregation.purpose-not-allowed'],
    [{ purpose: 'RESTITUTION' }, '422 segregation.purpose-not-allowed'],
  ])('is refused when it is spoilt: %j', async (changes, expected) => {
    await expectRefusal(btcWish, changes, expected);
  });

  it('may let it live for a week and no longer', async () => {
    const { client, olivia } = bulkhead.cast;
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    for (const expiresAt of [inDays(7.01), '9999-12-31T23:59:59.999Z'])
      await expectRefusal(btcWish, { expiresAt }, '422 intent.too-long');
    const answer = await send(btcWish, { expiresAt: inDays(6.99) });
    expect(answer.status).toBe(201);
    await client.cancelTransfer(olivia, JSON.parse(answer.text) as TransferView);
  });

  it('is refused when the charter has no quorum for its purpose, before it holds a coin', async () => {
    const { cast } = bulkhead;
    await bulkhead.fundBitcoin('house-btc', [500_000n]);
    const to = await cast.freshAddress('alpha-btc');
    const restitution: TransferWish = { ...btcWish, owner: 'house', wallet: 'house-btc', to, purpose: 'RESTITUTION' };
    await expectRefusal(restitution, {}, '422 segregation.purpose-not-allowed');
  });

  it('is refused when its initiator may not start it, before it holds a coin', async () => {
    const before = await standing();
    const body = await bulkhead.cast.client.signIntent(bulkhead.cast.carla, btcWish);
    const answer = await bulkhead.http.call('POST', '/v1/transfers', { body, token: bulkhead.cast.carla.apiToken });
    expect(inShort(answer)).toBe('422 approval.not-eligible');
    expect(await standing()).toEqual(before);
  });

  it('is refused when its initiator has not signed it as it is', async () => {
    const { client, olivia, omar } = bulkhead.cast;
    const { intent, proposal } = await client.signIntent(olivia, btcWish);
    const other = await client.signIntent(olivia, btcWish);
    const byOmar = omar.say('PROPOSE', { ...proposal.statement });
    if (proposal.signature.scheme === 'webauthn') throw new Error('members of the fixture sign with P-256');
    const last = proposal.signature.value.at(-1)!;
    const value = proposal.signature.value.slice(0, -1) + (last === '0' ? '1' : '0');
    const cases: [unknown, string][] = [
      [other.proposal, '422 approval.intent-mismatch'],
      [byOmar, '422 approval.malformed'],
      [olivia.say('APPROVE', { ...proposal.statement }), '422 approval.malformed'],
      [{ ...proposal, signature: { ...proposal.signature, value } }, '422 approval.bad-signature'],
      [{ ...proposal, statement: { ...proposal.statement, key: 'olivia-2' } }, '422 approval.unknown-key'],
      [{ ...proposal, signature: { scheme: 'none', value } }, '400 request.malformed'],
    ];
    for (const [said, expected] of cases) {
      const answer = await bulkhead.http.call('POST', '/v1/transfers', { body: { intent, proposal: said } });
      expect(inShort(answer)).toBe(expected);
    }
  });
});

describe('after all that', () => {
  it('a refused transfer is still there to be looked at, and says why', async () => {
    const { intent, proposal } = await signChanged(bulkhead.cast, btcWish, { to: scene.strangerBitcoin });
    const refusal = problemOf(await bulkhead.http.call('POST', '/v1/transfers', { body: { intent, proposal } }));
    const view = await bulkhead.cast.client.transfer(bulkhead.cast.olivia, intent.id);
    expect(view).toMatchObject({ state: 'REFUSED', payload: null, toApprove: null, txId: null });
    expect(view.refusal).toMatchObject({ code: refusal.code, detail: refusal.detail, facts: refusal.facts });
    const approval = bulkhead.cast.omar.say('APPROVE', { ...proposal.statement });
    const path = `/v1/transfers/${intent.id}/approvals`;
    const answer = await bulkhead.http.call('POST', path, { body: { approval }, token: bulkhead.cast.omar.apiToken });
    expect(inShort(answer)).toBe('409 intent.state');
  });

  it('nothing is held, and every wallet pays what it has', async () => {
    expect(await bulkhead.held('alpha-btc')).toEqual([]);
    expect(await bulkhead.held('alpha-eth')).toEqual([]);
    const [btcPaid] = [await bulkhead.pay({ ...btcWish, amount: TOTAL_SAT - 20_000n }), await bulkhead.pay(ethWish)];
    const { btc, eth } = bulkhead.cast;
    const fee = BigInt(btcPaid.decoded!.fee.amount);
    expect(await bulkhead.position('alpha-btc', btc)).toMatchObject({ available: (20_000n - fee).toString() });
    expect(await bulkhead.position('alpha-eth', eth)).toMatchObject({ available: (ETHER - ETHER / 10n).toString() });
    const report = await bulkhead.cast.client.api.post<ReconciliationView>(
      '/v1/reconciliations',
      bulkhead.cast.olivia.apiToken,
      {},
    );
    expect(report.balanced).toBe(true);
  });
});
