/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import type { Act, QuorumKey } from '@bulkhead/charter';
import { predictSafeAddress } from '@bulkhead/ethereum';
import { openKeyStore, type KeyStore } from '@bulkhead/keys';
import { orThrow } from '@bulkhead/intent';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import { ETHEREUM } from '../../apps/cli/src/story/cast.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import type { InventoryView } from '../../apps/orchestrator/src/keys/http/views.js';
import { Bulkhead } from '../support/bulkhead.js';
import { bulkheadCli, type CliAnswer } from '../support/bulkhead-cli.js';

jest.setTimeout(180_000); // a whole stack on a busy machine

let bulkhead: Bulkhead;
let wish: TransferWish;
let afterCeremony: InventoryView;
beforeAll(async () => {
  bulkhead = await Bulkhead.start();
  afterCeremony = await inventory();
  const scene = await bulkhead.setTheScene();
  const { btc: asset } = bulkhead.cast;
  const to = scene.alphaBitcoinDestination;
  wish = { owner: 'alpha', wallet: 'alpha-btc', asset, to, amount: 100_000n, maxFee: 20_000n };
  await bulkhead.fundBitcoin('alpha-btc', [400_000n, 400_000n, 400_000n]);
}, 200_000);
afterAll(() => bulkhead.stop(), 60_000);

const cli = (...typed: readonly string[]): Promise<CliAnswer> => bulkheadCli(bulkhead.stack.root, 'keys', ...typed);
const inventory = (query = '') => bulkhead.get<InventoryView>(`/v1/keys${query}`);
const keyOf = async (wallet: string, signer: string) =>
  (await inventory(`?wallet=${wallet}&signer=${signer}`)).keys.find(({ publicKey }) => publicKey !== null);
const signedBy = async (transfer: string) =>
  (
    await bulkhead.query<{ signer: string }>(
      'select distinct signer from signer_decision where transfer = $1 order by 1',
      transfer,
    )
  ).map(({ signer }) => signer);
const codeOf = async (asked: Promise<unknown>): Promise<string> => {
  try {
    await asked;
    return 'accepted';
  } catch (error) {
    return error instanceof ApiRefusal ? error.problem.code : String(error);
  }
};

/** Does something to a signer's token behind its back. */
async function behindTheBackOf(signer: SignerName, work: (token: KeyStore) => Promise<unknown>): Promise<void> {
  const part = bulkhead.stack.part(signer);
  await part.stop();
  const { profile, label, pinFile, configFile } = bulkhead.stack.tokens[signer];
  const env = { SOFTHSM2_CONF: configFile };
  const store = await openKeyStore({ profile, tokenLabel: label, pinFile, env });
  try {
    await work(store);
  } finally {
    await store.close();
    await part.start();
  }
}

describe('the key inventory', () => {
  it('knows the keys of the genesis ceremony before anybody asks for them', () => {
    const made = afterCeremony.keys.filter(({ wallet }) => wallet === 'house-btc');
    expect(made.map(({ signer }) => signer).sort()).toEqual(['signer-a', 'signer-b', 'signer-c']);
    for (const key of made) expect(key).toMatchObject({ keyClass: 'QUORUM', state: 'PRE_ACTIVE', differences: [] });
    expect(afterCeremony.keys.filter(({ differences }) => differences.length > 0)).toEqual([]);
  });

  it('has every key of every wallet, with where it is, who answers for it and what it did', async () => {
    const { keys, silent } = await inventory();
    expect(silent).toEqual([]);
    for (const key of keys) expect(key).toMatchObject({ differences: [], inToken: true, isReviewOverdue: false });
    const wallets = await bulkhead.get<{ id: string; kind: string }[]>('/v1/wallets');
    for (const { id, kind } of wallets) {
      const own = keys.filter(({ wallet, state }) => wallet === id && state === 'ACTIVE');
      expect(own).toHaveLength(kind === 'gas-payer' ? 1 : 3);
    }
    const [key] = keys.filter(({ wallet, signer }) => wallet === 'alpha-btc' && signer === 'signer-a');
    expect(key).toMatchObject({
      keyClass: 'QUORUM',
      algorithm: 'ECDSA secp256k1',
      owner: 'alpha',
      tokenSerial: bulkhead.stack.tokens['signer-a'].serial.trim(),
      holder: 'whoever runs this machine',
      place: 'the development stack',
      attributes: expect.objectContaining({ sensitive: true, extractable: false, local: true }) as object,
      lastUsedAt: null,
      uses: 0,
    });
    expect(Date.parse(key?.nextReviewAt ?? '') - Date.parse(key?.reviewedAt ?? '')).toBe(365 * 86_400_000);
    expect(key?.createdAt).toMatch(/^20/);
    expect(keys.find(({ keyClass }) => keyClass === 'GAS')?.uses).toBeGreaterThan(0);
  });

  it('is listed from a terminal, with exit status 0 while nothing differs', async () => {
    const listed = await cli('list', '--wallet', 'alpha-btc');
    expect(listed).toMatchObject({ status: 0, error: '' });
    expect(listed.output).toMatch(/alpha-btc +signer-b +QUORUM +ACTIVE +never +0 +20\d\d-/);
    const json = await cli('list', '--wallet', 'alpha-btc', '--json');
    expect((JSON.parse(json.output) as InventoryView).keys).toHaveLength(3);
    const shown = await cli('show', 'alpha-btc', 'signer-a');
    expect(shown.output).toMatch(/holder +whoever[^]*algorithm +ECDSA secp256k1[^]*differences +none/);
    expect(await cli('show', 'no-such-wallet')).toMatchObject({ status: 1, error: expect.stringContaining('no key') });
    for (const command of ['list', 'show', 'suspend', 'activate', 'retire', 'destroy', 'review'])
      expect((await cli(command, '--help')).output).toContain('Usage: bulkhead keys');
  });
});

describe('a Safe whose keys nobody has shown to hold', () => {
  it('gets no address and is not deployed before enough of its signers prove them, and whoever asks is told why', async () => {
    const { cast } = bulkhead;
    const id = 'alpha-eth-new';
    const { keys } = await cast.client.api.post<{ keys: QuorumKey[] }>('/v1/wallet-keys', cast.olivia.apiToken, {
      wallet: id,
    });
    const terms = { chain: ETHEREUM, threshold: 2, saltNonce: '0' };
    const address = predictSafeAddress({ ...terms, ownerKeys: keys.map((key) => key.publicKey) }, cast.contracts);
    const opening: Act = {
      kind: 'wallet.open',
      wallet: { kind: 'safe', id, owner: 'alpha', ...terms, keys, address },
    };
    const propose = () => cast.client.proposeAct(cast.olivia, opening, 'alpha');
    const proposed = await propose();
    const others = [bulkhead.stack.part('signer-b'), bulkhead.stack.part('signer-c')];
    await Promise.all(others.map((part) => part.stop()));
    expect(await codeOf(propose())).toBe('signer.unavailable'); // nobody says that these keys are theirs
    for (const device of [cast.omar, cast.carla]) await cast.client.approveAct(device, proposed);
    expect(await codeOf(cast.freshAddress(id))).toBe('signer.unavailable');
    expect(await bulkhead.get(`/v1/wallets/${id}`)).toMatchObject({ address: null });
    expect(await bulkhead.get(`/v1/wallets/${id}/addresses`)).toEqual([]);
    expect(await bulkhead.stack.anvil.rpc.call('eth_getCode', address, 'latest')).toBe('0x');
    await Promise.all(others.map((part) => part.start()));
    await cast.untilDeployed(address);
    expect(await bulkhead.get(`/v1/wallets/${id}`)).toMatchObject({ address });
  });
});

describe('a suspended key', () => {
  let waiting: string;

  it('is not asked: the wallet pays, and its addresses are issued, by the other two', async () => {
    const suspended = await cli('suspend', 'alpha-btc', 'signer-a', '--reason', 'lost badge', '--approve', 'omar');
    expect(suspended).toMatchObject({ status: 0, error: '' });
    expect(suspended.output).toMatch(/decided by +key\.suspend: 1 operator[^]*is ENACTED/);
    expect(await keyOf('alpha-btc', 'signer-a')).toMatchObject({ state: 'SUSPENDED', reason: 'lost badge' });
    const { id } = await bulkhead.pay(wish);
    expect(await signedBy(id)).toEqual(['signer-b', 'signer-c']);
    expect(await keyOf('alpha-btc', 'signer-b')).toMatchObject({ uses: 1, lastUsedAt: expect.stringMatching(/^20/) });
    expect(await codeOf(bulkhead.cast.freshAddress('alpha-btc'))).toBe('accepted');
  });

  it('leaves nobody to ask when it is one of too few: a transfer waits, and commits nothing', async () => {
    await cli('suspend', 'alpha-btc', 'signer-b', '--approve', 'omar');
    expect(await codeOf(bulkhead.cast.freshAddress('alpha-btc'))).toBe('signer.quorum-unavailable');
    const { id } = await bulkhead.approve(await bulkhead.propose(wish));
    await until('that it waits', async () => {
      const { state, refusal } = await bulkhead.cast.client.transfer(bulkhead.cast.olivia, id);
      return state === 'SIGNING' && refusal?.code === 'key.suspended' ? true : undefined;
    });
    expect(await signedBy(id)).toEqual([]);
    waiting = id;
  });

  it('comes back by more people, and what waited goes on', async () => {
    const dry = await cli('activate', 'alpha-btc', 'signer-b', '--dry-run', '--json');
    expect(JSON.parse(dry.output)).toMatchObject({ governedBy: 'key.activate', refusal: null });
    const activated = await cli('activate', 'alpha-btc', 'signer-b', '--approve', 'omar,carla', '--json');
    expect(JSON.parse(activated.output)).toMatchObject({ status: 'ENACTED' });
    expect((await bulkhead.untilState(waiting, 'SETTLED', { mining: true })).state).toBe('SETTLED');
    expect(await signedBy(waiting)).toEqual(['signer-b', 'signer-c']);
  });
});

describe('a key at its end', () => {
  it('is retired while the wallet keeps its quorum, and no further', async () => {
    expect(await cli('retire', 'alpha-btc', 'signer-a', '--approve', 'omar')).toMatchObject({ status: 0 });
    expect(await keyOf('alpha-btc', 'signer-a')).toMatchObject({ state: 'RETIRED', inToken: true });
    const last = await cli('retire', 'alpha-btc', 'signer-b', '--approve', 'omar');
    expect(last).toMatchObject({ status: 1, error: expect.stringContaining('charter.quorum-unreachable') });
    const back = await cli('activate', 'alpha-btc', 'signer-a', '--approve', 'omar,carla');
    expect(back).toMatchObject({ status: 1, error: expect.stringMatching(/charter\.key-state[^]*keys show/) });
  });

  it('is destroyed by more people after an hour: until then it waits, and can be vetoed', async () => {
    const destroy = ['destroy', 'alpha-btc', 'signer-a', '--approve', 'omar,carla,oskar', '--json'];
    const waiting = JSON.parse((await cli(...destroy)).output) as { id: string; status: string; notBefore: string };
    expect(waiting.status).toBe('ENACTED');
    expect(Date.parse(waiting.notBefore) - Date.now()).toBeGreaterThan(3_500_000);
    const now = bulkhead.cast.client.api.post('/v1/key-destructions', bulkhead.cast.olivia.apiToken, {
      wallet: 'alpha-btc',
      signer: 'signer-a',
    });
    expect(await codeOf(now)).toBe('charter.key-state');
    const vetoed = await bulkheadCli(bulkhead.stack.root, 'charter', 'veto', waiting.id, '--approve', 'omar');
    expect(vetoed).toMatchObject({ status: 0, error: '' });
    expect(await keyOf('alpha-btc', 'signer-a')).toMatchObject({ state: 'RETIRED', inToken: true });
  });

  it('is reviewed with the others of its wallet, on the record', async () => {
    const reviewed = await cli('review', 'alpha-btc', '--note', 'all in their places', '--approve', 'omar');
    expect(reviewed).toMatchObject({ status: 0, error: '' });
    const key = await keyOf('alpha-btc', 'signer-b');
    expect(Date.parse(key?.nextReviewAt ?? '') - Date.parse(key?.reviewedAt ?? '')).toBe(365 * 86_400_000);
  });
});

describe('what differs', () => {
  it('is shown: a key of the charter that no token has, and one of a token that nobody knows', async () => {
    const lost = await keyOf('beta-btc', 'signer-c');
    await behindTheBackOf('signer-c', async (token) => {
      orThrow(await token.destroyKey('beta-btc', lost?.publicKey ?? ''));
      orThrow(await token.generateKey('a-stranger'));
      orThrow(await token.generateSealKey('another-stranger'));
    });
    const { keys } = await inventory('?signer=signer-c');
    const differing = keys.filter(({ differences }) => differences.length > 0);
    expect(differing.map(({ label, wallet, differences }) => [wallet ?? label, differences])).toEqual([
      ['beta-btc', ['NOT_IN_TOKEN']],
      ['a-stranger', ['UNKNOWN_KEY']],
      ['another-stranger', ['UNKNOWN_KEY']],
    ]);
    const listed = await cli('list', '--signer', 'signer-c');
    expect(listed.status).toBe(1);
    expect(listed.output).toMatch(/a-stranger +signer-c +UNKNOWN[^]*UNKNOWN_KEY/);
  });

  it('is shown when a signer is silent', async () => {
    await bulkhead.stack.part('signer-c').stop();
    const { keys, silent } = await inventory('?wallet=beta-btc');
    expect(silent).toEqual([expect.objectContaining({ signer: 'signer-c', code: 'signer.unavailable' })]);
    expect(keys.find(({ signer }) => signer === 'signer-c')?.differences).toEqual(['NOT_REPORTED']);
    await bulkhead.stack.part('signer-c').start();
  });
});

describe('the address of an MPC wallet', () => {
  it('is issued only when enough members show that they hold their shares', async () => {
    await bulkhead.cast.openMpcWallet('alpha', 'alpha-tap');
    expect(await codeOf(bulkhead.cast.freshAddress('alpha-tap'))).toBe('accepted');
    expect(await keyOf('alpha-tap', 'signer-a')).toMatchObject({ keyClass: 'MPC_SHARE', differences: [] });
    await bulkhead.stack.part('signer-b').stop();
    expect(await codeOf(bulkhead.cast.freshAddress('alpha-tap'))).toBe('accepted');
    await bulkhead.stack.part('signer-c').stop();
    expect(await codeOf(bulkhead.cast.freshAddress('alpha-tap'))).toBe('signer.unavailable');
  });
});
