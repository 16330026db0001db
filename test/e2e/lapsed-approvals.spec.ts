import { generateKeyPairSync } from 'node:crypto';
import { jest } from '@jest/globals';
import { ed25519PublicKey, p256PublicKey, type MemberKey } from '@bulkhead/approval';
import type { Act } from '@bulkhead/charter';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { MemberDevice } from '../../apps/cli/src/members/member-device.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';
import { bulkheadCli } from '../support/bulkhead-cli.js';

jest.setTimeout(120_000); // a whole stack on a busy machine

let bulkhead: Bulkhead;
let scene: Scene;
beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', [1_000_000n, 1_000_000n, 1_000_000n]);
}, 200_000);
afterAll(() => bulkhead.stop(), 60_000);

const propose = (other: Partial<TransferWish> = {}): Promise<TransferView> =>
  bulkhead.propose({
    owner: 'alpha',
    wallet: 'alpha-btc',
    asset: bulkhead.cast.btc,
    to: scene.alphaBitcoinDestination,
    amount: 100_000n,
    maxFee: 20_000n,
    ...other,
  });
const read = ({ id }: TransferView): Promise<TransferView> => bulkhead.cast.client.transfer(bulkhead.cast.olivia, id);
const standing = ({ approvals }: TransferView): string[] =>
  approvals.filter(({ stands }) => stands).map(({ member }) => member);

/** Gives omar one more device, by the charter. */
async function enrolDevice(id: string, type: 'p256' | 'ed25519'): Promise<MemberDevice> {
  const { privateKey } =
    type === 'p256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicKey = type === 'p256' ? p256PublicKey(pem) : ed25519PublicKey(pem);
  const key: MemberKey = { id, scheme: type, publicKey };
  await decide({ kind: 'member-key.enrol', member: 'omar', key });
  return new MemberDevice('omar', id, pem, bulkhead.cast.omar.apiToken);
}

/** Without omar, whose keys come and go. */
function decide(act: Act): Promise<void> {
  const { client, olivia, oskar, carla } = bulkhead.cast;
  return client.enact(act, olivia, [oskar, carla]);
}

const revoke = (key: string): Promise<void> => decide({ kind: 'member-key.revoke', member: 'omar', key });

describe('approvals of a transfer in whose place another is proposed', () => {
  /** All that the wallet has, so that the replacement needs the very coins of what it replaces. */
  const MOST_SAT = 2_500_000n;

  it('lapse with it: its coins are free for the replacement, which is approved anew and paid alone', async () => {
    const { client, omar, oskar } = bulkhead.cast;
    const original = await propose({ amount: MOST_SAT });
    await client.approveTransfer(omar, original);
    const replacement = await propose({ amount: MOST_SAT + 1n, replaces: await read(original) });
    expect(replacement).toMatchObject({ state: 'PENDING_APPROVAL', approvals: [] });
    expect(await read(original)).toMatchObject({ state: 'REPLACED' });
    await expect(client.approveTransfer(oskar, original)).rejects.toThrow(/intent\.state/);
    await client.approveTransfer(omar, replacement);
    await client.approveTransfer(oskar, replacement);
    await bulkhead.untilState(replacement.id, 'SETTLED', { mining: true });
  });

  it('stand when the replacement is refused: nothing has ended then', async () => {
    const { client, omar } = bulkhead.cast;
    await bulkhead.fundBitcoin('alpha-btc', [1_000_000n]);
    const original = await propose();
    await client.approveTransfer(omar, original);
    const replaces = await read(original);
    const stranger = await bulkhead.stack.bitcoind.faucet.address();
    await expect(propose({ to: stranger, replaces })).rejects.toThrow(/segregation\.unknown-destination/);
    const unknown = { ...replaces, intent: { ...replaces.intent, memo: 'another' } };
    await expect(propose({ replaces: unknown })).rejects.toThrow(/intent\.not-replaceable/);
    expect(await read(original)).toMatchObject({ state: 'PENDING_APPROVAL' });
    expect(standing(await read(original))).toEqual(['omar']);
    await client.cancelTransfer(bulkhead.cast.olivia, original);
  });

  it('can be ended so from a terminal', async () => {
    const original = await propose();
    const { stack, cast } = bulkhead;
    const typed = [
      '--wallet',
      'alpha-btc',
      '--asset',
      'BTC',
      '--to',
      scene.alphaBitcoinDestination,
      '--amount',
      '0.002',
    ];
    const answer = await bulkheadCli(stack.root, 'propose', ...typed, '--replaces', original.id);
    expect(answer).toMatchObject({ status: 0, error: '' });
    expect(await read(original)).toMatchObject({ state: 'REPLACED' });
    const [newest] = await cast.client.api.get<TransferView[]>('/v1/transfers', cast.olivia.apiToken);
    expect(newest).toMatchObject({ state: 'PENDING_APPROVAL', intent: { amount: '200000' } });
    const again = await bulkheadCli(stack.root, 'propose', ...typed, '--replaces', original.id);
    expect(again.status).not.toBe(0);
    expect(again.error).toContain('intent.state');
  });
});

describe('an approval by a key that is revoked afterwards', () => {
  it('counts no more while others are awaited, and its person approves anew with a key in force', async () => {
    const { client, omar, oskar } = bulkhead.cast;
    const view = await propose();
    await client.approveTransfer(omar, view);
    const robot = await enrolDevice('omar-robot', 'ed25519');
    expect(standing(await read(view))).toEqual(['omar']);
    await revoke('omar-1');
    expect(standing(await read(view))).toEqual([]);
    const withOskar = await client.approveTransfer(oskar, await read(view));
    expect([withOskar.state, standing(withOskar)]).toEqual(['PENDING_APPROVAL', ['oskar']]);
    expect((await client.approveTransfer(robot, await read(view))).state).toBe('READY');
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
  });

  it('stops a transfer that has its quorum but not its signatures', async () => {
    const { client, oskar, olivia } = bulkhead.cast;
    const device = await enrolDevice('omar-3', 'p256');
    const signers = [bulkhead.stack.part('signer-b'), bulkhead.stack.part('signer-c')];
    await Promise.all(signers.map((signer) => signer.stop()));
    const view = await propose();
    await client.approveTransfer(device, view);
    await client.approveTransfer(oskar, view);
    await bulkhead.untilState(view.id, 'SIGNING');
    await revoke('omar-3');
    await Promise.all(signers.map((signer) => signer.start()));
    await expect(bulkhead.untilState(view.id, 'SIGNED')).rejects.toThrow(/approval\.quorum-not-met/);
    const history = await client.api.get<{ to: string }[]>(`/v1/transfers/${view.id}/history`, olivia.apiToken);
    expect(history.map(({ to }) => to).slice(-2)).toEqual(['SIGNING', 'FAILED']);
  });
});
