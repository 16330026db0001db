import { jest } from '@jest/globals';
import type { Act } from '@bulkhead/charter';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { ALPHA, BETA } from '../../apps/cli/src/story/cast.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(180_000); // a whole stack on a busy machine

interface Incident {
  readonly id: string;
  readonly kind: string;
  readonly wallet: string;
  readonly status: string;
  readonly closed: { readonly by: string; readonly resolution: string } | null;
}

const ETHER = 10n ** 18n;

let bulkhead: Bulkhead;
let scene: Scene;
beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
}, 200_000);
afterAll(() => bulkhead.stop(), 60_000);

const payBitcoin = (amount: bigint): Promise<TransferView> =>
  bulkhead.propose({
    owner: ALPHA,
    wallet: 'alpha-btc',
    asset: bulkhead.cast.btc,
    to: scene.alphaBitcoinDestination,
    amount,
    maxFee: 20_000n,
  });
const open = (): Promise<Incident[]> => bulkhead.get<Incident[]>('/v1/incidents?status=OPEN');

describe('a coin that the charter freezes', () => {
  let coin: string;
  const spends = ({ decoded }: TransferView): string[] => decoded!.sources.map(({ resource }) => resource);
  const settle = async (view: TransferView): Promise<void> => {
    await bulkhead.approve(view);
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
  };
  const scope = (): Extract<Act, { kind: 'freeze' }>['scope'] => {
    const [chain, outpoint] = coin.split('/coin:');
    return { of: 'coin', chain: chain as 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328', coin: outpoint! };
  };

  it('is left out of what a wallet pays with; its other coins still pay', async () => {
    await bulkhead.fundBitcoin('alpha-btc', [5_000_000n, 1_000_000n]);
    const large = await payBitcoin(2_000_000n);
    [coin] = spends(large) as [string];
    await bulkhead.cast.client.cancelTransfer(bulkhead.cast.olivia, large);
    const { client, olivia, omar } = bulkhead.cast;
    await client.enact({ kind: 'freeze', scope: scope(), reason: 'it is tainted' }, olivia, [omar]);
    await expect(payBitcoin(2_000_000n)).rejects.toThrow(/amount\.insufficient-funds/);
    const small = await payBitcoin(100_000n);
    expect(spends(small)).not.toContain(coin);
    await settle(small);
  });

  it('pays again once it is free', async () => {
    await bulkhead.cast.enact({ kind: 'unfreeze', scope: scope() });
    const large = await payBitcoin(2_000_000n);
    expect(spends(large)).toContain(coin);
    await settle(large);
  });
});

describe('an incident that a quorum closes', () => {
  const payEther = (owner: string, wallet: string, to: string): Promise<TransferView> =>
    bulkhead.propose({ owner, wallet, asset: bulkhead.cast.eth, to, amount: ETHER / 10n });

  beforeAll(async () => {
    await bulkhead.fundEther(scene.betaSafe, 3n * ETHER);
    const { rpc } = bulkhead.stack.anvil;
    // as nobody can but whoever had beta's keys: beta's Safe pays alpha's
    await rpc.call('anvil_impersonateAccount', scene.betaSafe);
    await rpc.call('anvil_setBalance', scene.betaSafe, `0x${(4n * ETHER).toString(16)}`);
    await rpc.send({ from: scene.betaSafe, to: scene.alphaSafe, valueWei: ETHER });
    await rpc.call('anvil_setBalance', scene.betaSafe, `0x${(2n * ETHER).toString(16)}`);
    await bulkhead.mine();
  });

  it('lifts the freeze of its wallet, and says by which intent and why', async () => {
    const unexplained = await until('the incident', async () =>
      (await open()).find(({ kind, wallet }) => kind === 'spend.unexplained' && wallet === 'beta-eth'),
    );
    await expect(payEther(BETA, 'beta-eth', scene.betaEthereumDestination)).rejects.toThrow(/wallet-frozen/);
    const { id } = unexplained;
    const resolution = 'Agreed with beta; the key was replaced.';
    const nothingHeld = { kind: 'incident.close', incident: id, resolution, release: true } as const;
    await expect(bulkhead.cast.enact(nothingHeld)).rejects.toThrow(/intent\.state/);
    await bulkhead.cast.enact({ ...nothingHeld, release: false });
    const closed = await bulkhead.get<Incident>(`/v1/incidents/${id}`);
    expect(closed).toMatchObject({ status: 'CLOSED', closed: { resolution } });
    const { intent } = await bulkhead.get<{ intent: { act: object } }>(`/v1/charter/intents/${closed.closed!.by}`);
    expect(intent.act).toMatchObject({ kind: 'incident.close', incident: id });
    const view = await payEther(BETA, 'beta-eth', scene.betaEthereumDestination);
    await bulkhead.cast.client.cancelTransfer(bulkhead.cast.olivia, view);
  });

  it('releases the deposit that it held, and the register still equals the chain', async () => {
    const held = (await open()).find(({ kind }) => kind === 'deposit.quarantined');
    expect(held).toMatchObject({ wallet: 'alpha-eth' });
    expect(await bulkhead.position('alpha-eth', bulkhead.cast.eth)).toMatchObject({ available: '0' });
    const resolution = 'Owed by beta to alpha, both have signed.';
    await bulkhead.cast.enact({ kind: 'incident.close', incident: held!.id, resolution, release: true });
    const { available, walletTotal } = await bulkhead.position('alpha-eth', bulkhead.cast.eth);
    expect([available, walletTotal]).toEqual([ETHER.toString(), ETHER.toString()]);
    const [deposit] = await bulkhead.get<{ status: string }[]>('/v1/deposits?wallet=alpha-eth');
    expect(deposit).toMatchObject({ status: 'CREDITED' });
    const view = await payEther(ALPHA, 'alpha-eth', scene.alphaEthereumDestination);
    await bulkhead.approve(view);
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
    const { balanced } = await bulkhead.cast.client.api.post<{ balanced: boolean }>(
      '/v1/reconciliations',
      bulkhead.cast.olivia.apiToken,
      {},
    );
    expect(balanced).toBe(true);
  });
});

describe('a signer that the charter retires', () => {
  it('is asked for nothing more, and is missed by nobody', async () => {
    const { client, olivia, omar } = bulkhead.cast;
    await client.enact({ kind: 'signer.retire', signer: 'signer-c' }, olivia, [omar]);
    await bulkhead.stack.part('signer-c').stop();
    const { parts } = await bulkhead.get<{ parts: Record<string, string> }>('/ready');
    expect(parts).toMatchObject({ 'signer-a': 'ok', 'signer-b': 'ok', 'signer-c': 'retired' });
    const { id } = await bulkhead.approve(await payBitcoin(100_000n));
    await bulkhead.untilState(id, 'SETTLED', { mining: true });
    const asked = await bulkhead.get<{ decision: { record: { signer: string } } }[]>(`/v1/transfers/${id}/decisions`);
    expect(asked.map(({ decision }) => decision.record.signer)).toEqual(['signer-a', 'signer-b']);
  });

  it('makes no key of a new wallet, and a wallet that names it is not opened', async () => {
    const { client, olivia } = bulkhead.cast;
    const { keys } = await client.api.post<{ keys: { signer: string; publicKey: string }[] }>(
      '/v1/wallet-keys',
      olivia.apiToken,
      { wallet: 'alpha-two' },
    );
    expect(keys.map(({ signer }) => signer)).toEqual(['signer-a', 'signer-b']);
    const wallet = {
      kind: 'bitcoin-multisig',
      id: 'alpha-two',
      owner: ALPHA,
      chain: 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328',
      threshold: 2,
      keys,
      recovery: { kind: 'none' },
      recoveryDelayBlocks: 4_320,
      addressWindow: 5,
    } as const;
    const withRetired = [keys[0]!, { ...keys[1]!, signer: 'signer-c' }];
    const act = (of: typeof keys): Act => ({ kind: 'wallet.open', wallet: { ...wallet, keys: of } });
    await expect(client.proposeAct(olivia, act(withRetired), ALPHA)).rejects.toThrow(ApiRefusal);
    expect((await client.previewAct(olivia, act(withRetired))).refusal?.code).toBe('charter.signer-retired');
    await bulkhead.cast.enact(act(keys), ALPHA);
    expect(await bulkhead.get('/v1/wallets/alpha-two')).toMatchObject({ id: 'alpha-two' });
  });
});
