/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { intentDigest, REGTEST } from '@bulkhead/intent';
import { USUAL_RULES, type Act, type CharterEntry, type CharterIntent } from '@bulkhead/charter';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import { ownerAddress, predictSafeAddress } from '@bulkhead/ethereum';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { CharterIntentView } from '../../apps/cli/src/api/custody-client.js';
import type { MemberDevice } from '../../apps/cli/src/members/member-device.js';
import { ETHEREUM, type Cast } from '../../apps/cli/src/story/cast.js';
import { Bulkhead } from '../support/bulkhead.js';
import { inShort } from '../support/http-caller.js';

jest.setTimeout(60_000); // real processes on a busy machine

let bulkhead: Bulkhead;
let cast: Cast;

beforeAll(async () => {
  bulkhead = await Bulkhead.start();
  ({ cast } = bulkhead);
  await cast.enact({ kind: 'house.open', owner: { id: 'house', name: 'The house' } });
  await cast.enact(openClient('alpha'), 'alpha');
}, 300_000);
afterAll(() => bulkhead.stop());

const openClient = (id: string): Act => ({ kind: 'client.open', owner: { id, name: id } });
const destination = (owner: string, address: string): Act => ({
  kind: 'destination.approve',
  id: randomUUID(),
  owner,
  chain: REGTEST,
  address,
  label: 'A bank',
});
const propose = (act: Act, client?: string): Promise<CharterIntentView> =>
  cast.client.proposeAct(cast.olivia, act, client);
const read = (id: string): Promise<CharterIntentView> => bulkhead.get(`/v1/charter/intents/${id}`);

/** `ENACTED`, or the code of the refusal. */
async function outcome(attempt: Promise<CharterIntentView>): Promise<string> {
  try {
    return (await attempt).status;
  } catch (error) {
    if (error instanceof ApiRefusal) return error.problem.code;
    throw error;
  }
}

/** A member's word on a charter intent, signed for the charter as it is now. */
function say(device: MemberDevice, { id, intent }: CharterIntentView, decision: 'APPROVE' | 'REJECT') {
  const digest = intentDigest(intent);
  const charterSequence = intent.firmHead!.sequence;
  const approval = device.say(decision, { firm: intent.firm, intent: digest, payload: digest, charterSequence });
  return cast.client.api.post<CharterIntentView>(`/v1/charter/intents/${id}/approvals`, device.apiToken, { approval });
}

describe('a client', () => {
  it('is opened by an operator’s proposal, another operator and the compliance officer, and by nobody less', async () => {
    const view = await propose(openClient('gamma'), 'gamma');
    expect(view.status).toBe('PENDING_APPROVAL');
    expect(await outcome(cast.client.approveAct(cast.olivia, view))).toBe('approval.initiator');
    expect(await outcome(cast.client.approveAct(cast.omar, view))).toBe('PENDING_APPROVAL');
    expect(await outcome(cast.client.approveAct(cast.omar, view))).toBe('approval.duplicate');
    expect(await outcome(cast.client.approveAct(cast.oskar, view))).toBe('PENDING_APPROVAL'); // two of a role are no quorum
    const owners = (): Promise<{ id: string }[]> => bulkhead.get('/v1/owners');
    expect((await owners()).map(({ id }) => id)).not.toContain('gamma');
    expect(await outcome(cast.client.approveAct(cast.carla, view))).toBe('ENACTED');
    expect(await owners()).toContainEqual({ id: 'gamma', name: 'gamma', estate: 'CLIENT' });
  });

  it('has an id of its own for ever', async () => {
    const { heads } = await cast.client.charter(cast.olivia);
    expect(await outcome(propose(openClient('alpha'), 'alpha'))).toBe('charter.id-taken');
    expect(await outcome(propose({ kind: 'house.open', owner: { id: 'alpha', name: 'Not Alpha' } }))).toBe(
      'charter.id-taken',
    );
    expect((await cast.client.charter(cast.olivia)).heads).toEqual(heads);
  });

  it('is not opened on the chain of another, nor by the firm’s', async () => {
    expect(await outcome(propose(openClient('delta'), 'alpha'))).toBe('charter.act-not-allowed');
    expect(await outcome(propose(openClient('delta')))).toBe('charter.act-not-allowed');
  });

  it.each(['Delta', 'd_elta', '', '-delta', 'd'.repeat(64)])('is not called %j', async (id) => {
    expect(await outcome(propose(openClient(id), 'delta'))).toBe('request.malformed');
  });

  it('is not proposed by the compliance officer', async () => {
    const view = cast.client.proposeAct(cast.carla, openClient('delta'), 'delta');
    expect(await outcome(view)).toBe('approval.not-eligible');
  });
});

describe('a destination', () => {
  it('is never an address under management, nor one under management a destination', async () => {
    const treasury = await bulkhead.stack.bitcoind.faucet.address();
    const declare = (address: string): Act => ({
      kind: 'proprietary-address.declare',
      owner: 'house',
      chain: REGTEST,
      address,
      label: 'Treasury',
    });
    await cast.enact(declare(treasury));
    expect(await outcome(propose(destination('alpha', treasury), 'alpha'))).toBe('charter.address-managed');
    await cast.openBitcoinWallet('alpha', 'alpha-btc');
    const own = await cast.freshAddress('alpha-btc');
    expect(await outcome(propose(destination('alpha', own), 'alpha'))).toBe('charter.address-managed');
    expect(await outcome(propose(destination('gamma', own), 'gamma'))).toBe('charter.address-managed');
    const bank = await bulkhead.stack.bitcoind.faucet.address();
    await cast.enact(destination('alpha', bank), 'alpha');
    expect(await outcome(propose(declare(bank)))).toBe('charter.address-is-destination');
    expect(await outcome(propose(destination('alpha', bank), 'alpha'))).toBe('charter.id-taken');
  });

  it.each([
    ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', 'address.wrong-network'],
    ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', 'address.bad-checksum'],
    ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'address.malformed'],
  ])('is an address of its chain: %s is refused', async (address, code) => {
    expect(await outcome(propose(destination('alpha', address), 'alpha'))).toBe(code);
  });

  it('belongs to an owner that exists', async () => {
    const address = await bulkhead.stack.bitcoind.faucet.address();
    expect(await outcome(propose(destination('nobody', address)))).toBe('charter.unknown-owner');
  });
});

describe('a wallet', () => {
  const offCurve = `02${'f'.repeat(64)}`;
  type Keys = { signer: string; publicKey: string }[];
  type Changes = (keys: Keys) => object;
  let keys: Keys;
  let gasKeys: Keys;
  const made = async (wallet: string) =>
    (await cast.client.api.post<{ keys: Keys }>('/v1/wallet-keys', cast.olivia.apiToken, { wallet })).keys;
  beforeAll(async () => {
    keys = await made('alpha-spare');
    gasKeys = await made('house-spare');
  });
  const bitcoin = (): object => ({
    ...{ kind: 'bitcoin-multisig', id: 'alpha-spare', owner: 'alpha', chain: REGTEST, threshold: 2, keys },
    ...{ recovery: { kind: 'none' }, recoveryDelayBlocks: 100, addressWindow: 2 },
  });
  const safe = (): object => ({
    ...{ kind: 'safe', id: 'alpha-spare', owner: 'alpha', chain: ETHEREUM, threshold: 2, keys, saltNonce: '7' },
    address: predictSafeAddress(
      { chain: ETHEREUM, ownerKeys: keys.map(({ publicKey }) => publicKey), threshold: 2, saltNonce: '7' },
      cast.contracts,
    ),
  });
  const gasPayer = (): object => ({
    ...{ kind: 'gas-payer', id: 'house-spare', owner: 'house', chain: ETHEREUM, keys: gasKeys.slice(0, 1) },
    address: ownerAddress(gasKeys[0]!.publicKey),
  });
  const open = (wallet: object, client?: string) =>
    outcome(propose({ kind: 'wallet.open', wallet } as unknown as Act, client));
  const withFirstKey =
    (publicKey: string): Changes =>
    ([first, ...others]) => ({
      keys: [{ ...first, publicKey }, ...others],
    });

  it.each<[string, Changes, string]>([
    ['of an owner that does not exist', () => ({ owner: 'nobody' }), 'charter.act-not-allowed'],
    ['on another network', () => ({ chain: 'bip122:000000000019d6689c085ae165831e93' }), 'address.wrong-network'],
    ['on a chain of another kind', () => ({ chain: ETHEREUM }), 'charter.malformed'],
    ['of an id that is taken', () => ({ id: 'alpha-btc' }), 'charter.id-taken'],
    [
      'with two keys at one signer',
      ([a, b]) => ({ keys: [a, { ...b, signer: a!.signer }] }),
      'charter.keys-share-signer',
    ],
    [
      'with a signer that does not exist',
      ([a, b]) => ({ keys: [a, { ...b, signer: 'signer-z' }] }),
      'charter.unknown-signer',
    ],
    ['with one key twice', ([a, b]) => ({ keys: [a, { ...b, publicKey: a!.publicKey }] }), 'charter.public-key-reused'],
    ['with a key that its signer has not made', withFirstKey(newOwnerKey().publicKey), 'charter.key-not-held'],
    ['with a key that is no point', withFirstKey(offCurve), 'request.malformed'],
    ['with a key that is no key', withFirstKey('02'), 'request.malformed'],
    ['with a threshold of one', () => ({ threshold: 1 }), 'request.malformed'],
    ['with a threshold above its keys', () => ({ threshold: 4 }), 'charter.quorum-unreachable'],
    ['with no window', () => ({ addressWindow: 0 }), 'request.malformed'],
    ['with a window without end', () => ({ addressWindow: 5_001 }), 'request.malformed'],
    [
      'with a recovery key that is none',
      () => ({ recovery: { kind: 'xpub', xpub: 'xpub7' } }),
      'bitcoin.wallet-malformed',
    ],
    ['with a field that nobody knows', () => ({ note: 'x' }), 'request.malformed'],
  ])('on Bitcoin is refused %s', async (_what, changes, expected) => {
    expect(await open({ ...bitcoin(), ...changes(keys) }, 'alpha')).toBe(expected);
  });

  it.each<[string, Changes, string]>([
    ['at another address', () => ({ address: `0x${'12'.repeat(20)}` }), 'charter.address-mismatch'],
    ['with another salt than its address has', () => ({ saltNonce: '8' }), 'charter.address-mismatch'],
    ['with a salt that is no number', () => ({ saltNonce: '1e3' }), 'charter.malformed'],
    ['with a salt below zero', () => ({ saltNonce: '-1' }), 'charter.malformed'],
    ['with a salt beyond 256 bits', () => ({ saltNonce: (2n ** 256n).toString() }), 'charter.malformed'],
    ['with a key that is no point', withFirstKey(offCurve), 'request.malformed'],
    ['on Bitcoin', () => ({ chain: REGTEST }), 'charter.malformed'],
  ])('on Ethereum is refused %s', async (_what, changes, expected) => {
    expect(await open({ ...safe(), ...changes(keys) }, 'alpha')).toBe(expected);
  });

  it.each<[string, Changes, string]>([
    ['with a key that is no point', withFirstKey(offCurve), 'request.malformed'],
    ['at another address', () => ({ address: `0x${'12'.repeat(20)}` }), 'charter.address-mismatch'],
    ['with two keys', () => ({ keys: gasKeys.slice(0, 2) }), 'request.malformed'],
  ])('that pays gas is refused %s', async (_what, changes, expected) => {
    expect(await open({ ...gasPayer(), ...changes(gasKeys.slice(0, 1)) })).toBe(expected);
  });

  it('that pays gas is never a client’s', async () => {
    expect(await open({ ...gasPayer(), owner: 'alpha' }, 'alpha')).toBe('charter.act-not-allowed');
  });

  it('is accepted with nothing of that', async () => {
    for (const wallet of [bitcoin(), safe()]) expect(await open(wallet, 'alpha')).toBe('PENDING_APPROVAL');
    expect(await open(gasPayer())).toBe('PENDING_APPROVAL');
  });
});

describe('a proposal', () => {
  it('lapses when its own chain has moved, and says why', async () => {
    const address = () => bulkhead.stack.bitcoind.faucet.address();
    const overtaken = await propose(destination('alpha', await address()), 'alpha');
    await cast.enact(destination('alpha', await address()), 'alpha');
    expect(await outcome(cast.client.approveAct(cast.omar, overtaken))).toBe('LAPSED');
    expect(await read(overtaken.id)).toMatchObject({ status: 'LAPSED', refusal: { code: 'charter.rollback' } });
    expect(await outcome(cast.client.approveAct(cast.carla, overtaken))).toBe('intent.state');
  });

  it('lapses when the firm has moved, approvals or not', async () => {
    const view = await propose(openClient('epsilon'), 'epsilon');
    expect(await outcome(cast.client.approveAct(cast.omar, view))).toBe('PENDING_APPROVAL');
    await cast.enact({ kind: 'house.open', owner: { id: 'house-2', name: 'Another house' } });
    expect(await outcome(cast.client.approveAct(cast.carla, view))).toBe('LAPSED');
    expect(await read(view.id)).toMatchObject({ status: 'LAPSED', refusal: { code: 'charter.firm-head-stale' } });
    await cast.enact(openClient('epsilon'), 'epsilon'); // proposed anew, it passes
  });

  it('ends when somebody rejects it', async () => {
    const view = await propose(openClient('zeta'), 'zeta');
    expect(await outcome(cast.client.approveAct(cast.omar, view))).toBe('PENDING_APPROVAL');
    expect(await outcome(say(cast.omar, view, 'REJECT'))).toBe('REJECTED'); // whatever he has said before
    expect(await outcome(cast.client.approveAct(cast.oskar, view))).toBe('intent.state');
    expect((await read(view.id)).status).toBe('REJECTED');
  });

  it('is not approved again once it is enacted', async () => {
    const view = await propose(openClient('eta'), 'eta');
    await cast.client.approveAct(cast.omar, view);
    await cast.client.approveAct(cast.carla, view);
    const { heads } = await cast.client.charter(cast.olivia);
    for (const device of [cast.omar, cast.oskar, cast.carla]) {
      expect(await outcome(cast.client.approveAct(device, view))).toBe('intent.state');
    }
    expect((await cast.client.charter(cast.olivia)).heads).toEqual(heads);
  });

  it('is approved for what it says and nothing else', async () => {
    const view = await propose(openClient('theta'), 'theta');
    const other = { ...view, intent: { ...view.intent, act: openClient('iota') } };
    expect(await outcome(cast.client.approveAct(cast.omar, other))).toBe('approval.intent-mismatch');
    expect((await read(view.id)).status).toBe('PENDING_APPROVAL');
  });

  it('has an id that no other has', async () => {
    const view = await propose(openClient('kappa'), 'kappa');
    const send = (intent: CharterIntent) => {
      const digest = intentDigest(intent);
      const charterSequence = intent.firmHead!.sequence;
      const proposal = cast.olivia.say('PROPOSE', {
        firm: intent.firm,
        intent: digest,
        payload: digest,
        charterSequence,
      });
      return bulkhead.http.call('POST', '/v1/charter/intents', { body: { intent, proposal } });
    };
    expect(inShort(await send({ ...view.intent, act: openClient('lambda'), chain: 'client:lambda' }))).toBe(
      '409 intent.duplicate',
    );
    const again = await send(view.intent);
    expect([again.status, (JSON.parse(again.text) as CharterIntentView).id]).toEqual([201, view.id]);
  });

  it('is enacted once by all of its approvals at the same time', async () => {
    const view = await propose(openClient('mu'), 'mu');
    const outcomes = await Promise.all(
      [cast.omar, cast.oskar, cast.carla, cast.omar, cast.carla].map((device) =>
        outcome(cast.client.approveAct(device, view)),
      ),
    );
    const known = ['PENDING_APPROVAL', 'ENACTED', 'approval.duplicate', 'intent.state'];
    expect(outcomes.filter((each) => !known.includes(each))).toEqual([]);
    expect((await read(view.id)).status).toBe('ENACTED');
    expect((await cast.client.charter(cast.olivia)).heads['client:mu']).toMatchObject({ sequence: 0 });
  });

  it('is one of two for the same place: the other lapses', async () => {
    const views = [await propose(openClient('nu'), 'nu'), await propose(openClient('nu'), 'nu')];
    await Promise.all(
      views.flatMap((view) => [cast.omar, cast.carla].map((device) => outcome(cast.client.approveAct(device, view)))),
    );
    const statuses = (await Promise.all(views.map(({ id }) => read(id)))).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual(['ENACTED', 'LAPSED']);
  });
});

describe('what opens, where the rules give it a delay', () => {
  const DELAY_S = 2;
  const known = async () => (await bulkhead.get<{ id: string }[]>('/v1/owners')).map(({ id }) => id);

  it('waits, and is in the register once it is put into force, not before', async () => {
    const entries = await bulkhead.get<{ entry: CharterEntry }[]>('/v1/charter/entries?limit=1');
    const genesis = entries[0]!.entry.intent.act;
    if (genesis.kind !== 'genesis') throw new Error('no genesis');
    const delaySeconds = { ...genesis.rules?.delaySeconds, 'client.open': DELAY_S };
    await cast.enact({ kind: 'rules.set', rules: { ...USUAL_RULES, ...genesis.rules, delaySeconds } });
    const { id } = await propose(openClient('patient'), 'patient');
    for (const device of [cast.omar, cast.carla]) await cast.client.approveAct(device, await read(id));
    expect(await read(id)).toMatchObject({ status: 'ENACTED', notBefore: expect.any(String) });
    expect(await known()).not.toContain('patient');
    const enact: Act = { kind: 'pending.enact', intent: id };
    expect(await outcome(propose(enact, 'patient'))).toBe('charter.delay-not-over');
    await sleep(DELAY_S * 1_000);
    const due = await propose(enact, 'patient');
    expect(await outcome(cast.client.approveAct(cast.omar, due))).toBe('ENACTED');
    expect(await known()).toContain('patient');
  });
});

describe('after all that', () => {
  it('every signer has come to the same charter as the orchestrator', async () => {
    const { heads } = await cast.client.charter(cast.olivia);
    const entries = await bulkhead.get<unknown[]>('/v1/charter/entries?limit=500');
    expect(Object.values(heads).reduce((sum, { sequence }) => sum + sequence + 1, 0)).toBe(entries.length);
    await bulkhead.untilSignersKnow(heads);
  });
});
