/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { developmentDevice } from '../../apps/cli/src/members/development-members.js';
import { Bulkhead } from '../support/bulkhead.js';
import { bulkheadCli, type CliAnswer } from '../support/bulkhead-cli.js';

jest.setTimeout(240_000); // real processes on a busy machine

describe('bulkhead mpc reshare', () => {
  let bulkhead: Bulkhead;
  let wish: TransferWish;
  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ spare: true, scene: true });
    const { cast, stack } = bulkhead;
    const { alphaBitcoinDestination: to } = await bulkhead.setTheScene();
    await cast.openMpcWallet('alpha', 'alpha-tap');
    await bulkhead.fundBitcoin('alpha-tap', [200_000n, 200_000n]);
    wish = { owner: 'alpha', wallet: 'alpha-tap', asset: cast.btc, to, amount: 60_000n, maxFee: 20_000n };
    const tlsFingerprint = stack.tls['signer-d'].fingerprint;
    const signer = { id: 'signer-d', tlsFingerprint, tokenSerial: stack.tokens['signer-d'].serial };
    const erika = developmentDevice(stack.layout.members, 'erika');
    await cast.client.enact({ kind: 'signer.enrol', signer }, erika, [cast.omar, cast.carla]);
  });
  afterAll(() => bulkhead.stop());

  const reshare = (...typed: readonly string[]): Promise<CliAnswer> =>
    bulkheadCli(bulkhead.stack.root, 'mpc', 'reshare', 'alpha-tap', ...typed);
  const TO = ['--members', 'signer-d,signer-b,signer-c', '--threshold', '2'] as const;
  const wallet = () => bulkhead.get<{ address: string; keys: { signer: string }[] }>('/v1/wallets/alpha-tap');

  it('says what it does, and refuses what is none of its business', async () => {
    expect((await reshare('--help')).output).toContain('Until the second act the present members sign');
    const other = await bulkheadCli(bulkhead.stack.root, 'mpc', 'reshare', 'alpha-btc', ...TO);
    expect([other.status, other.error]).toEqual([1, expect.stringContaining('alpha-btc is no MPC wallet.')]);
    const many = await reshare('--members', 'signer-b,signer-c', '--threshold', '3', '--approve', 'omar,carla');
    expect([many.status, many.error]).toEqual([1, expect.stringContaining('charter.quorum-unreachable')]);
  });

  it('stops where approvals are missing, and says so again until they are there', async () => {
    const proposed = await reshare(...TO, '--approve', 'omar');
    expect(proposed).toMatchObject({ status: 0, error: '' });
    expect(proposed.output).toContain('It still needs: ');
    const again = await reshare(...TO);
    expect(again.output).toMatch(/mpc-wallet\.reshare still needs: .*\n +npx bulkhead charter approve /);
    const [, intent = ''] = /charter approve ([0-9a-f-]{36})/.exec(again.output) ?? [];
    const approved = await bulkheadCli(bulkhead.stack.root, 'charter', 'approve', intent, '--as', 'carla');
    expect(approved).toMatchObject({ status: 0, error: '' });
  });

  it('goes on to the end, and the new members pay from the same address', async () => {
    const { address } = await wallet();
    const done = await reshare(...TO, '--approve', 'omar,carla');
    expect(done).toMatchObject({ status: 0, error: '' });
    expect(done.output).toMatch(/nothing of the shares of before is left there\.\nalpha-tap has new shares/);
    const after = await wallet();
    expect(after.address).toBe(address);
    expect(after.keys.map(({ signer }) => signer)).toEqual(['signer-b', 'signer-c', 'signer-d']);
    await bulkhead.stack.part('signer-b').stop();
    expect((await bulkhead.pay(wish)).state).toBe('SETTLED');
  });
});
