import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import pg from 'pg';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { ChaosFirm, type Pair } from '../support/chaos-firm.js';

jest.setTimeout(180_000); // whole stacks of real processes on a busy machine

let firm: ChaosFirm;
beforeAll(async () => {
  firm = await ChaosFirm.open();
});
afterEach(async () => {
  await firm.heal();
});
afterAll(async () => {
  await firm.close();
});

/** The fault itself, and the way back. */
async function killAndRestart(): Promise<void> {
  await firm.kill('orchestrator');
  await firm.resume('signer-a', 'signer-b', 'signer-c', 'bitcoind', 'anvil');
  await firm.start('orchestrator');
}

/** After the restart everything goes on by itself; nobody sends anything again. */
async function endsWell(before: Awaited<ReturnType<ChaosFirm['paidOut']>>, { btc, eth }: Pair): Promise<void> {
  await firm.settle(btc, eth);
  await firm.expectPaidOnce(before, btc, eth);
}

describe('the orchestrator killed with SIGKILL: one transaction on chain, one set of entries', () => {
  it('while a proposal is being built: sent again, it leads to one transfer', async () => {
    const before = await firm.paidOut();
    const [btc, eth] = [await firm.intent('btc'), await firm.intent('eth')];
    await firm.freeze('bitcoind', 'anvil');
    const lost = [firm.send(btc), firm.send(eth)].map((sent) =>
      sent.then(
        () => 'answered',
        () => 'lost',
      ),
    );
    await sleep(400); // both wait for their node
    await killAndRestart();
    expect(await Promise.all(lost)).toEqual(['lost', 'lost']);
    const pair = { btc: await firm.send(btc), eth: await firm.send(eth) };
    expect([pair.btc.state, pair.eth.state]).toEqual(['PENDING_APPROVAL', 'PENDING_APPROVAL']);
    await firm.approvePair(pair);
    await endsWell(before, pair);
  });

  it('in PENDING_APPROVAL, with one approval given', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    const { client, omar, oskar } = firm.cast;
    await client.approveTransfer(omar, pair.btc);
    await client.approveTransfer(omar, pair.eth);
    await killAndRestart();
    expect((await firm.transfer(pair.btc.id)).approvals).toHaveLength(1);
    await client.approveTransfer(oskar, pair.btc);
    await client.approveTransfer(oskar, pair.eth);
    await endsWell(before, pair);
  });

  it('at the moment when it becomes READY', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.approvePair(pair);
    await killAndRestart();
    await endsWell(before, pair);
  });

  it('in SIGNING, before any signer has answered', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.freeze('signer-a', 'signer-b', 'signer-c');
    await firm.approvePair(pair);
    await firm.reach('SIGNING', pair.btc, pair.eth);
    await killAndRestart();
    await endsWell(before, pair);
  });

  it('in SIGNING, with one signature stored', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    // their operators have frozen them: they say what they know, and sign nothing
    const freezeFiles = ['signer-b', 'signer-c'].map((id) => join(firm.stack.layout.config, `${id}.freeze`));
    for (const file of freezeFiles) writeFileSync(file, '');
    await firm.approvePair(pair);
    await until('the first signatures', async () => {
      const ids = [pair.btc.id, pair.eth.id];
      const rows = await firm.query('orchestrator', 'select 1 from transfer_signature where transfer = any($1)', [ids]);
      return rows.length === 2 ? true : undefined;
    });
    expect(await firm.written(pair.btc.id)).toBe('SIGNING');
    await killAndRestart();
    for (const file of freezeFiles) rmSync(file);
    await endsWell(before, pair);
  });

  it('in SIGNED, before it was sent', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.freeze('bitcoind', 'anvil');
    await firm.approvePair(pair);
    await firm.reach('SIGNED', pair.btc, pair.eth);
    await killAndRestart();
    await endsWell(before, pair);
  });

  it('in SIGNED, after it was sent and before that was written', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.freeze('bitcoind', 'anvil');
    await firm.approvePair(pair);
    await firm.reach('SIGNED', pair.btc, pair.eth);
    const lock = new pg.Client({ connectionString: firm.stack.postgres.databaseUrl('orchestrator') });
    await lock.connect();
    await lock.query('begin');
    await lock.query('select 1 from transfer where id = any($1) for update', [[pair.btc.id, pair.eth.id]]);
    await firm.resume('bitcoind', 'anvil');
    await until('both transactions at their nodes', async () => {
      const { size } = await firm.stack.bitcoind.rpc.call<{ size: number }>('getmempoolinfo');
      return size === 1 && (await firm.paidOut()).safeNonce > before.safeNonce ? true : undefined;
    });
    await firm.kill('orchestrator');
    await lock.query('rollback');
    await lock.end();
    expect(await firm.written(pair.btc.id)).toBe('SIGNED');
    await firm.start('orchestrator');
    await endsWell(before, pair);
  });

  it('in BROADCAST', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.stack.anvil.rpc.call('evm_setAutomine', false);
    await firm.approvePair(pair);
    await firm.reach('BROADCAST', pair.btc, pair.eth);
    await killAndRestart();
    await firm.stack.anvil.rpc.call('evm_setAutomine', true);
    await endsWell(before, pair);
  });

  it('in CONFIRMING', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.approvePair(pair);
    await firm.reach('BROADCAST', pair.btc);
    await firm.mineBitcoin();
    await firm.reach('CONFIRMING', pair.btc, pair.eth);
    await killAndRestart();
    await endsWell(before, pair);
  });

  it('in SETTLED: it stays so, however many blocks come', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.approvePair(pair);
    await firm.settle(pair.btc, pair.eth);
    await killAndRestart();
    await firm.mine(3);
    await endsWell(before, pair);
    expect((await firm.transfer(pair.btc.id)).state).toBe('SETTLED');
  });
});

describe('the orchestrator killed again and again, at any moment', () => {
  const seed = randomInt(2 ** 31);
  const PAYMENTS = { btc: 8, eth: 3 };
  const KILLING_MS = 25_000;

  it(`carries every transfer to its end, once (seed ${String(seed)})`, async () => {
    const before = await firm.paidOut();
    const random = numbersFrom(seed);
    const wanted = Promise.all([
      ...Array.from({ length: PAYMENTS.btc }, () => persistently(() => pay('btc'))),
      (async () => {
        // a Safe executes one transfer at a time
        const views: TransferView[] = [];
        for (let left = PAYMENTS.eth; left > 0; left -= 1) {
          const view = await persistently(() => pay('eth'));
          await firm.reach('SETTLED', view);
          views.push(view);
        }
        return views;
      })(),
    ]).then((views) => views.flat());
    const carriedOut = new AbortController();
    void wanted
      .finally(() => {
        carriedOut.abort();
      })
      .catch(() => undefined);
    const calmAtMs = Date.now() + KILLING_MS;
    while (!carriedOut.signal.aborted && Date.now() < calmAtMs) {
      await sleep(300 + random() * 2_500);
      await firm.mine();
      await firm.kill('orchestrator');
      await firm.start('orchestrator');
    }
    const blocks = setInterval(() => void firm.mine(), 500);
    const views = await wanted.finally(() => {
      clearInterval(blocks);
    });
    await firm.settle(...views);
    await firm.expectPaidOnce(before, ...views);
  });

  /** One payment, asked for as a client would that gets no answer: the same intent, the same approvals, again. */
  async function pay(kind: 'btc' | 'eth'): Promise<TransferView> {
    const signed = await persistently(() => firm.intent(kind));
    await persistently(() => firm.send(signed));
    for (const member of [firm.cast.omar, firm.cast.oskar]) {
      await persistently(async () => {
        const view = await firm.transfer(signed.intent.id);
        const given = view.approvals.some((approval) => approval.member === member.id);
        if (!given && view.state === 'PENDING_APPROVAL') await firm.cast.client.approveTransfer(member, view);
      });
    }
    return persistently(() => firm.transfer(signed.intent.id));
  }

  /** Again while the orchestrator is away. What it refuses, it refuses. */
  async function persistently<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof ApiRefusal) throw error;
        await sleep(100);
      }
    }
  }
});

/** A small generator (mulberry32), so that a failure can be played again from its seed. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
