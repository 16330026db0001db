import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { p256PublicKey } from '@bulkhead/approval';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { MemberDevice } from '../../apps/cli/src/members/member-device.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(120_000); // a whole stack on a busy machine

/** Omar and Olivia have each got a second API token, and a second device with a key that the charter knows. */
describe('one person with two API tokens and two devices', () => {
  let bulkhead: Bulkhead;
  let scene: Scene;
  const second = new Map<string, MemberDevice>();
  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ scene: true });
    scene = await bulkhead.setTheScene();
    await bulkhead.fundBitcoin('alpha-btc', [1_000_000n]);
    for (const member of ['omar', 'olivia']) second.set(member, await secondDevice(member));
    await bulkhead.stack.part('orchestrator').restart();
  }, 300_000);
  afterAll(() => bulkhead.stop(), 60_000);

  /** Enrols it by the charter, and gives its owner one more token, which the orchestrator takes at its next start. */
  async function secondDevice(member: string): Promise<MemberDevice> {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const key = { id: `${member}-phone`, scheme: 'p256' as const, publicKey: p256PublicKey(pem) };
    await bulkhead.cast.enact({ kind: 'member-key.enrol', member, key });
    const token = randomBytes(32).toString('base64url');
    const file = join(bulkhead.stack.layout.config, 'api-tokens.json');
    const tokens = JSON.parse(readFileSync(file, 'utf8')) as object[];
    const tokenSha256 = createHash('sha256').update(token).digest('hex');
    writeFileSync(file, JSON.stringify([...tokens, { member, tokenSha256 }]));
    return new MemberDevice(member, key.id, pem, token);
  }

  const approve = async (device: MemberDevice | undefined, view: TransferView): Promise<string> => {
    if (!device) throw new Error('no second device');
    try {
      return (await bulkhead.cast.client.approveTransfer(device, view)).state;
    } catch (error) {
      if (error instanceof ApiRefusal) return error.problem.code;
      throw error;
    }
  };

  it('is one approver, and as initiator none', async () => {
    const { cast } = bulkhead;
    const view = await bulkhead.propose({
      owner: 'alpha',
      wallet: 'alpha-btc',
      asset: cast.btc,
      to: scene.alphaBitcoinDestination,
      amount: 100_000n,
      maxFee: 20_000n,
    });
    expect(await approve(second.get('olivia'), view)).toBe('approval.initiator');
    expect(await approve(cast.omar, view)).toBe('PENDING_APPROVAL');
    expect(await approve(second.get('omar'), view)).toBe('approval.duplicate');
    const { state, approvals } = await cast.client.transfer(cast.olivia, view.id);
    expect([state, approvals.map(({ member }) => member)]).toEqual(['PENDING_APPROVAL', ['omar']]);
    expect(await approve(cast.oskar, view)).toBe('READY');
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
  });

  it('opens and enacts no act of the charter alone either', async () => {
    const { cast } = bulkhead;
    const view = await cast.client.proposeAct(cast.olivia, {
      kind: 'house.open',
      owner: { id: 'house-2', name: 'Another' },
    });
    const word = async (device: MemberDevice): Promise<string> => {
      try {
        return (await cast.client.approveAct(device, view)).status;
      } catch (error) {
        if (error instanceof ApiRefusal) return error.problem.code;
        throw error;
      }
    };
    expect(await word(second.get('olivia')!)).toBe('approval.initiator');
    expect(await word(cast.omar)).toBe('PENDING_APPROVAL');
    expect(await word(second.get('omar')!)).toBe('approval.duplicate');
  });
});
