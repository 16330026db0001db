import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import { projectFolder } from '#bootstrap/project.mjs';
import { orThrow, ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import { decisionHash, signedDecisionSchema, verifyDecision } from '@bulkhead/policy';
import { z } from 'zod';
import { charterAt } from '../../apps/cli/src/doors/by-hand.js';
import { doorOf, SIGNER_NAMES, type SignerName } from '../../apps/cli/src/stack/index.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(180_000); // a whole stack on a busy machine

let bulkhead: Bulkhead;
let scene: Scene;
beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', [1_000_000n, 1_000_000n, 1_000_000n, 1_000_000n]);
}, 240_000);
afterAll(() => bulkhead.stop(), 60_000);

const wish = () => ({
  owner: 'alpha',
  wallet: 'alpha-btc',
  asset: bulkhead.cast.btc,
  to: scene.alphaBitcoinDestination,
  amount: 100_000n,
  maxFee: 20_000n,
});
const doorAt = (id: SignerName) => ({
  id,
  url: `https://127.0.0.1:${bulkhead.stack.ports[doorOf(id)]}`,
  tlsFingerprint: bulkhead.stack.tls[id].fingerprint,
});
const firm = async () => (await bulkhead.get<{ firm: Digest }>('/v1/charter')).firm;

/** The command line, on this stack. @returns what it prints; it must end well */
async function cli(...args: readonly string[]): Promise<string> {
  const main = join(projectFolder, 'dist/apps/cli/main.js');
  const env = { ...process.env, NODE_OPTIONS: '', BULKHEAD_STATE: bulkhead.stack.root };
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { env });
  return stdout;
}

describe('signers that ask each other', () => {
  it('sign with one of them down, whichever it is', async () => {
    for (const id of SIGNER_NAMES.slice(0, 2)) {
      await bulkhead.stack.part(id).stop();
      expect((await bulkhead.pay(wish())).state).toBe('SETTLED');
      await bulkhead.stack.part(id).start();
    }
  });

  it('give the orchestrator all of their decisions, as one chain that can be verified', async () => {
    const { tls, ports } = bulkhead.stack;
    const { keyFile, certificateFile: certFile } = tls.orchestrator;
    const address = {
      id: 'signer-a',
      url: `https://127.0.0.1:${ports['signer-a']}`,
      certFile: tls['signer-a'].certificateFile,
    };
    const client = new SignerClient(address, { keyFile, certFile }, 5_000);
    const { status, text } = orThrow(await client.raw('GET', '/v1/decisions?after=0'));
    client.close();
    expect(status).toBe(200);
    const tip = z.strictObject({ count: z.int(), hash: z.string() });
    const page = z.strictObject({ decisions: z.array(signedDecisionSchema), tip }).parse(JSON.parse(text));
    expect(page.tip.count).toBeGreaterThan(0);
    let previous: string = ZERO_DIGEST;
    for (const [position, decision] of page.decisions.entries()) {
      const known = { id: 'signer-a', tlsFingerprint: tls['signer-a'].fingerprint };
      const record = orThrow(verifyDecision(decision, known));
      expect(record).toMatchObject({ position, previous });
      previous = decisionHash(record);
    }
    expect(page.tip).toEqual({ count: page.decisions.length, hash: previous });
  });
});

describe('members without the orchestrator', () => {
  it('freeze a client at the signers themselves; the orchestrator finds out when it is back', async () => {
    const view = await bulkhead.propose(wish());
    await bulkhead.stack.part('orchestrator').stop();
    const act = join(bulkhead.stack.root, 'act.json');
    writeFileSync(act, JSON.stringify({ kind: 'freeze', scope: { of: 'owner', owner: 'alpha' }, reason: 'a drill' }));
    const printed = await cli('door', 'enact', act, '--as', 'carla', '--approve', 'omar', '--signers', 'signer-b');
    expect(printed).toMatch(/signer-b +accepted/);
    await bulkhead.stack.part('orchestrator').start();
    await bulkhead.approve(view).catch(() => undefined); // refused at once where the freeze has arrived already
    await until('the freeze in the orchestrator', async () => {
      const { frozen } = await bulkhead.get<{ frozen?: unknown }>('/v1/charter');
      return JSON.stringify(frozen ?? '').includes('alpha') ? true : undefined;
    });
    const { state } = await bulkhead.cast.client.transfer(bulkhead.cast.olivia, view.id);
    expect(['SIGNED', 'BROADCAST', 'CONFIRMING', 'SETTLED']).not.toContain(state);
    for (const id of SIGNER_NAMES) {
      await until(`the freeze at ${id}`, async () =>
        (await charterAt(doorAt(id), await firm())).frozen.has('owner:alpha') ? true : undefined,
      );
    }
    const { client, olivia, omar, carla } = bulkhead.cast;
    await client.enact({ kind: 'unfreeze', scope: { of: 'owner', owner: 'alpha' } }, olivia, [omar, carla]);
  });

  it('reject a transfer at the signers themselves', async () => {
    const view = await bulkhead.propose(wish());
    const [row] = await bulkhead.query<{ intent_digest: string; payload_digest: string }>(
      'select intent_digest, payload_digest from transfer where id = $1',
      view.id,
    );
    await cli('door', 'reject', row!.intent_digest, row!.payload_digest, '--as', 'carla', '--signers', 'signer-c');
    await bulkhead.approve(view);
    await expect(bulkhead.untilState(view.id, 'SIGNED')).rejects.toThrow(/approval\.rejected/);
  });
});
