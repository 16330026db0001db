import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { decodeTransaction } from '@bulkhead/bitcoin';
import { intentDigest, orThrow, payloadDigest, REGTEST } from '@bulkhead/intent';
import { Psbt } from 'bitcoinjs-lib';
import { projectFolder } from '#bootstrap/project.mjs';
import { ALPHA } from '../../apps/cli/src/story/cast.js';
import { coinsOf, forgePsbt } from '../../apps/cli/src/story/forge.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { ChaosFirm } from '../support/chaos-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // whole stacks of real processes on a busy machine

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

/** A payment on both chains that must come to its end with the faults that are there. */
async function bothAreSettled(): Promise<void> {
  const before = await firm.paidOut();
  const pair = await firm.proposePair();
  await firm.approvePair(pair);
  await firm.settle(pair.btc, pair.eth);
  await firm.expectPaidOnce(before, pair.btc, pair.eth);
}

const becomes = (signer: SignerName, said: string): Promise<true> =>
  until(`${signer}: ${said}`, async () => ((await firm.readiness())[signer] === said ? true : undefined));

/** The module host is the signer's only child. */
function moduleHostOf(signer: SignerName): number {
  const pid = firm.stack.part(signer).pid;
  const children = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === pid);
  expect(children).toHaveLength(1);
  return Number(children[0]);
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

describe('a signer that is down', () => {
  it('is not needed: the other two sign', async () => {
    await firm.kill('signer-b');
    await becomes('signer-b', 'signer.unavailable');
    await bothAreSettled();
  });

  it('is waited for when two are down, and the transfer goes on when one returns', async () => {
    const before = await firm.paidOut();
    await firm.kill('signer-b');
    await firm.kill('signer-c');
    const pair = await firm.proposePair();
    await firm.approvePair(pair);
    await until('a note of why it waits', async () => {
      const views = await Promise.all([firm.transfer(pair.btc.id), firm.transfer(pair.eth.id)]);
      const alone = ['signer.unavailable', 'signer.peers-unknown']; // the third has nobody to ask
      const waits = views.every(({ state, refusal }) => state === 'SIGNING' && alone.includes(refusal?.code ?? ''));
      return waits ? true : undefined;
    });
    await firm.start('signer-c');
    await firm.settle(pair.btc, pair.eth);
    await firm.expectPaidOnce(before, pair.btc, pair.eth);
    expect((await firm.transfer(pair.btc.id)).refusal).toBeNull();
    await firm.start('signer-b');
  });

  it('gets the charter entries that it missed, and signs by them', async () => {
    const before = await firm.paidOut();
    await firm.kill('signer-c');
    const elsewhere = await firm.stack.bitcoind.faucet.address();
    await firm.cast.approveDestination(ALPHA, REGTEST, elsewhere, 'Alpha at another bank');
    await firm.kill('signer-b'); // from now on signer-c is needed
    const { client, olivia } = firm.cast;
    const wish = { owner: ALPHA, wallet: 'alpha-btc', asset: firm.cast.btc, to: elsewhere, amount: 54_321n };
    const view = await client.proposeTransfer(olivia, { ...wish, maxFee: 50_000n });
    await firm.approve(view);
    await firm.reach('SIGNING', view);
    await firm.start('signer-c');
    await firm.settle(view);
    await firm.start('signer-b');
    const after = await firm.paidOut();
    expect(after.bitcoin).toHaveLength(before.bitcoin.length);
    expect(await firm.standingEntries(view.id)).toBe(1);
    await firm.expectBalanced();
  });
});

describe('a signer that is slow', () => {
  it('answers after the time-out: nothing happens twice', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    await firm.freeze('signer-a', 'signer-b', 'signer-c');
    await firm.approvePair(pair);
    await until('the time-outs', async () => {
      const { refusal } = await firm.transfer(pair.btc.id);
      return refusal?.code === 'signer.timeout' ? true : undefined;
    });
    await firm.resume('signer-a', 'signer-b', 'signer-c');
    await firm.settle(pair.btc, pair.eth);
    await firm.expectPaidOnce(before, pair.btc, pair.eth);
    for (const signer of ['signer-a', 'signer-b', 'signer-c'] as const) {
      const digests = [pair.btc.payloadDigest, pair.eth.payloadDigest];
      const rows = await firm.query(signer, 'select 1 from signature where payload_digest = any($1)', [digests]);
      expect(rows.length).toBeLessThanOrEqual(2);
    }
  });
});

describe('a signer killed in the middle of signing', () => {
  let transfer: TransferView;

  it('has committed the coin, and after its restart signs what it had committed to', async () => {
    const before = await firm.paidOut();
    transfer = await firm.propose('btc');
    await firm.kill('signer-c'); // so that both others are needed
    const host = moduleHostOf('signer-a');
    process.kill(host, 'SIGSTOP');
    await firm.approve(transfer);
    const recorded = (table: string) =>
      firm.query('signer-a', `select 1 from ${table} where payload_digest = $1`, [transfer.payloadDigest]);
    await until('the commitment', async () => ((await recorded('commitment')).length > 0 ? true : undefined));
    await firm.kill('signer-a');
    process.kill(host, 'SIGKILL');
    expect(await recorded('signature')).toHaveLength(0);
    await firm.start('signer-a');
    await firm.settle(transfer);
    expect(await recorded('signature')).toHaveLength(1);
    await firm.start('signer-c');
    await firm.expectPaidOnce(before, transfer);
  });

  it('gives no signature to another transaction of that coin', async () => {
    const { cast, stack } = firm;
    const wallet = (await cast.charterWallets()).find(({ id }) => id === 'alpha-btc');
    if (wallet?.kind !== 'bitcoin-multisig' || transfer.payload?.kind !== 'psbt') throw new Error('not a PSBT');
    const [input] = Psbt.fromBase64(transfer.payload.psbt).txInputs;
    const txid = Buffer.from(input?.hash ?? [])
      .reverse()
      .toString('hex');
    const coin = (await coinsOf(cast, wallet)).find((candidate) => candidate.txid === txid);
    if (!coin) throw new Error('the coin is not one of the deposits');
    expect(orThrow(decodeTransaction(coin.previousTransaction, REGTEST)).txid).toBe(txid);
    const amount = coin.amountSat - 2_000n;
    const payload = forgePsbt([coin], [{ address: transfer.intent.to, amountSat: amount }]);
    const { intent, proposal } = await cast.client.signIntent(cast.olivia, { ...wishOf(transfer), amount });
    const terms = {
      firm: intent.firm,
      intent: intentDigest(intent),
      payload: payloadDigest(payload),
      charterSequence: proposal.statement.charterSequence,
    };
    const approvals = [cast.omar, cast.oskar].map((device) => device.say('APPROVE', terms));
    const { keyFile, certificateFile } = stack.tls.orchestrator;
    for (const id of ['signer-a', 'signer-b'] as const) {
      const address = { id, url: `https://127.0.0.1:${stack.ports[id]}`, certFile: stack.tls[id].certificateFile };
      const signer = new SignerClient(address, { keyFile, certFile: certificateFile }, 10_000);
      expect(codeOf(await signer.signTransfer({ intent, proposal, payload, approvals, attestations: [] }))).toBe(
        'segregation.coin-committed',
      );
      signer.close();
    }
  });

  const wishOf = ({ intent: { owner, wallet, asset, to } }: TransferView) => ({
    ...{ owner, wallet, asset, to },
    maxFee: 50_000n,
  });
});

describe('a token at fault', () => {
  it('that hangs does not hold up the other two: they sign while it is still being waited for', async () => {
    const before = await firm.paidOut();
    const pair = await firm.proposePair();
    const host = moduleHostOf('signer-a');
    process.kill(host, 'SIGSTOP');
    try {
      await firm.approvePair(pair);
      const ids = [pair.btc.id, pair.eth.id];
      const signatures = () =>
        firm.query('orchestrator', 'select 1 from transfer_signature where transfer = any($1)', [ids]);
      await until('the signatures', async () => ((await signatures()).length === 4 ? true : undefined));
      // its signer would have given it up and ended it before it answered the orchestrator
      expect(moduleHostOf('signer-a')).toBe(host);
    } finally {
      process.kill(host, 'SIGCONT');
    }
    await firm.settle(pair.btc, pair.eth);
    await firm.expectPaidOnce(before, pair.btc, pair.eth);
  });

  it('whose module host is killed gets a new one', async () => {
    const hosts = (['signer-a', 'signer-b', 'signer-c'] as const).map(moduleHostOf);
    for (const host of hosts) process.kill(host, 'SIGKILL');
    await bothAreSettled();
    expect(hosts).not.toContain(moduleHostOf('signer-a'));
  });

  it('with a wrong PIN is named, its tries are counted, and the other two carry on', async () => {
    const part = firm.stack.part('signer-c');
    const { pinFile } = firm.stack.tokens['signer-c'];
    const pin = readFileSync(pinFile, 'utf8');
    await part.stop();
    writeFileSync(pinFile, '0000000\n', { mode: 0o600 });
    // a stack does not start with a signer that cannot sign; a supervisor of services would
    const entry = join(projectFolder, 'dist/apps/signer/main.js');
    const config = join(firm.stack.layout.config, 'signer-c.json');
    const signer = spawn(process.execPath, [entry, '--config', config], {
      stdio: 'ignore',
      env: { PATH: process.env.PATH },
    });
    const ended = new Promise((resolve) => signer.once('exit', resolve));
    try {
      await becomes('signer-c', 'keys.pin-incorrect');
      expect(readFileSync(`${pinFile}.wrong-tries`, 'utf8').trim()).toBe('1');
      await bothAreSettled();
      expect(readFileSync(`${pinFile}.wrong-tries`, 'utf8').trim()).toBe('1');
    } finally {
      signer.kill('SIGTERM');
      await ended;
      writeFileSync(pinFile, pin, { mode: 0o600 });
    }
    await part.start();
    await becomes('signer-c', 'ok');
    expect(existsSync(`${pinFile}.wrong-tries`)).toBe(false);
  });

  it('whose folder goes away is done without, and is used again when it is back', async () => {
    const folder = firm.stack.layout.token('signer-b');
    renameSync(folder, `${folder}.away`);
    await bothAreSettled();
    renameSync(`${folder}.away`, folder);
    await firm.kill('signer-c'); // now it is needed
    await bothAreSettled();
    await firm.start('signer-c');
  });
});
