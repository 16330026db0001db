/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { projectFolder } from '#bootstrap/project.mjs';
import type { Act } from '@bulkhead/charter';
import { ApiRefusal, type Problem } from '../../apps/cli/src/api/api-client.js';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { developmentDevice } from '../../apps/cli/src/members/development-members.js';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(240_000); // real processes on a busy machine

const LIAR: SignerName = 'signer-a';
type Lie = 'generate' | 'reshare' | 'sign' | 'point' | 'forgery' | 'group';

/** A signer of the firm that runs and checks as it should, but for the shares that it gives to others. */
describe('a signer that lies to its MPC group', () => {
  let bulkhead: Bulkhead;
  let wish: TransferWish;
  let liesFile: string;
  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ scene: true });
    const { stack, cast } = bulkhead;
    liesFile = join(stack.root, 'lies');
    lies();
    await stack.part(LIAR).stop();
    await stack.spawnApp(LIAR, {
      configFile: join(stack.layout.config, `${LIAR}.json`),
      entry: 'dist/apps/signer/src/main.js', // not bundled: its parts can be exchanged
      isReady,
      env: { LIES_FILE: liesFile, NODE_OPTIONS: `--import ${join(projectFolder, 'test/support/lying-signer.mjs')}` },
    });
    const scene = await bulkhead.setTheScene();
    const to = scene.alphaBitcoinDestination;
    wish = { owner: 'alpha', wallet: 'alpha-tap', asset: cast.btc, to, amount: 60_000n, maxFee: 20_000n };
  });
  afterAll(() => bulkhead.stop());

  const lies = (...when: Lie[]) => {
    writeFileSync(liesFile, when.join(' '));
  };
  async function isReady(): Promise<boolean> {
    const { ports, tls } = bulkhead.stack;
    const { keyFile, certificateFile } = tls.orchestrator;
    const address = { id: LIAR, url: `https://127.0.0.1:${ports[LIAR]}`, certFile: tls[LIAR].certificateFile };
    const client = new SignerClient(address, { keyFile, certFile: certificateFile }, 2_000);
    const health = await client.health();
    client.close();
    return health.ok;
  }
  const post = <T>(path: string, body: object = {}) =>
    bulkhead.cast.client.api.post<T>(path, bulkhead.cast.olivia.apiToken, body);
  async function problemOf(asked: Promise<unknown>): Promise<Problem> {
    const error: unknown = await asked.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof ApiRefusal)) throw new Error(`not refused: ${String(error)}`);
    return error.problem;
  }
  const logOf = (part: SignerName | 'orchestrator'): string[] =>
    readFileSync(bulkhead.stack.layout.logFile(part), 'utf8').split('\n');
  /** What a process has said of it in its log. */
  const blamedBy = (part: SignerName | 'orchestrator'): string[] =>
    logOf(part).filter((line) => line.includes('mpc.member-blamed'));
  /** Engineers start what is about signers. */
  const enactByEngineer = (act: Act) => {
    const { cast, stack } = bulkhead;
    const erika = developmentDevice(stack.layout.members, 'erika');
    return cast.client.enact(act, erika, [cast.omar, cast.carla], 'alpha');
  };

  it('is named by the others when a key is generated, and none comes of it', async () => {
    lies('generate');
    const engineer = developmentDevice(bulkhead.stack.layout.members, 'erika').apiToken;
    const asked = { wallet: 'alpha-tap', threshold: 2 };
    const byEngineer = bulkhead.cast.client.api.post('/v1/mpc-groups', engineer, asked);
    expect(await problemOf(byEngineer)).toMatchObject({ code: 'approval.not-eligible' });
    const problem = await problemOf(post('/v1/mpc-groups', asked));
    expect(problem).toMatchObject({ code: 'mpc.member-blamed', facts: { member: LIAR } });
    for (const other of ['signer-b', 'signer-c'] as const) {
      const [said = ''] = blamedBy(other);
      expect(JSON.parse(said)).toMatchObject({ facts: { member: LIAR } });
    }
    lies();
    await bulkhead.cast.openMpcWallet('alpha', 'alpha-tap');
    await bulkhead.fundBitcoin(
      'alpha-tap',
      Array.from({ length: 7 }, () => 200_000n),
    );
  });

  it('is named when it signs, and the other two sign without it', async () => {
    lies('sign');
    const settled = await bulkhead.pay(wish);
    expect(settled.state).toBe('SETTLED');
    expect(blamedBy('orchestrator').at(-1)).toContain(`${LIAR} did not sign: mpc.member-blamed its share for input`);
  });

  it('is named when it lies before anybody has given a share, and costs the honest ones nothing', async () => {
    const said = {
      point: 'mpc.member-blamed what it promises is no point',
      forgery: 'mpc.message-invalid signature',
      group: 'signer.answer-invalid A member answered for other shares',
    };
    for (const lie of ['point', 'forgery', 'group'] as const) {
      lies(lie);
      expect((await bulkhead.pay(wish)).state).toBe('SETTLED');
      const failed = logOf('orchestrator').filter((line) => line.includes('did not sign'));
      expect(failed.at(-1)).toContain(`${LIAR} did not sign: ${said[lie]}`);
      expect(failed.some((line) => /signer-[bc] did not sign/.test(line))).toBe(false);
    }
  });

  it('is named by the others when shares are dealt anew, and everything stays as it was', async () => {
    lies('reshare');
    const members = ['signer-a', 'signer-b', 'signer-c'];
    await enactByEngineer({ kind: 'mpc-wallet.reshare', wallet: 'alpha-tap', members, threshold: 3 });
    expect(await problemOf(post('/v1/wallets/alpha-tap/resharings'))).toMatchObject({
      code: 'mpc.member-blamed',
      facts: { member: LIAR },
    });
    for (const other of ['signer-b', 'signer-c'] as const)
      expect(JSON.parse(blamedBy(other).at(-1) ?? '')).toMatchObject({ facts: { member: LIAR } });
    lies();
    expect((await bulkhead.pay(wish)).state).toBe('SETTLED');
  });

  it('locks the group when there is nobody to sign instead of it, until a quorum has frozen and unfrozen the wallet', async () => {
    lies('sign');
    await bulkhead.stack.part('signer-c').kill('SIGKILL');
    const stuck = await bulkhead.approve(await bulkhead.propose(wish));
    const locked = async (id: string) => {
      const { refusal } = await bulkhead.cast.client.transfer(bulkhead.cast.olivia, id);
      return refusal?.code === 'mpc.group-locked' ? true : undefined;
    };
    await until('the lock', () => locked(stuck.id), 120_000);
    // neither the truth nor the third signer opens it again
    lies();
    await bulkhead.stack.part('signer-c').start();
    await bulkhead.stack.part('signer-b').restart();
    expect((await bulkhead.cast.client.transfer(bulkhead.cast.olivia, stuck.id)).state).toBe('SIGNING');
    const scope = { of: 'wallet', wallet: 'alpha-tap' } as const;
    const { client, olivia, omar } = bulkhead.cast;
    await client.enact({ kind: 'freeze', scope, reason: 'signings fail' }, olivia, [omar]);
    await bulkhead.cast.enact({ kind: 'unfreeze', scope });
    expect((await bulkhead.pay(wish)).state).toBe('SETTLED');
  });

  it('takes part in what it does not lie about: the wallet goes to 3 of 3, and pays', async () => {
    const { keys } = await post<{ keys: Extract<Act, { kind: 'mpc-wallet.switch' }>['keys'] }>(
      '/v1/wallets/alpha-tap/resharings',
    );
    await enactByEngineer({ kind: 'mpc-wallet.switch', wallet: 'alpha-tap', keys });
    expect(await post('/v1/wallets/alpha-tap/share-releases')).toEqual({
      wallet: 'alpha-tap',
      released: ['signer-a', 'signer-b', 'signer-c'],
    });
    expect(await post('/v1/wallets/alpha-tap/share-refreshes')).toMatchObject({ epoch: 2 });
    const settled = await bulkhead.pay({ ...wish, amount: 30_000n });
    const decisions = await bulkhead.query<{ signer: string }>(
      'select distinct signer from signer_decision where transfer = $1',
      settled.id,
    );
    expect(decisions).toHaveLength(3);
  });
});
