import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import { jest } from '@jest/globals';
import { projectFolder } from '#bootstrap/project.mjs';
import { identityOf, stillRuns } from '#bootstrap/process-identity.mjs';
import pg from 'pg';
import { freePort, readPin, satoshi, startChainClock, startStack, type Stack } from '../../apps/cli/src/stack/index.js';

jest.setTimeout(60_000); // real servers on a busy machine

/** As published for Safe 1.4.1 (safe-global/safe-deployments, "canonical"). */
const CANONICAL = {
  safeL2: '0x29fcB43b46531BcA003ddC8FCB67FFE91900C762',
  safeProxyFactory: '0x4e1DCf7AD4e460CfD30791CCC4F9c8a4f820ec67',
  multiSendCallOnly: '0x9641d764fc13c8B624c04430C7356C1C7C8102e2',
  compatibilityFallbackHandler: '0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99',
};

const folders: string[] = [];
const stacks: Stack[] = [];
function temporaryRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-stack-'));
  folders.push(folder);
  return folder;
}
async function start(root: string, options: Partial<Parameters<typeof startStack>[0]> = {}): Promise<Stack> {
  const stack = await startStack({ root, ...options });
  stacks.push(stack);
  return stack;
}
afterAll(async () => {
  await Promise.all(stacks.map((stack) => stack.stop()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('the local stack', () => {
  const root = temporaryRoot();
  let stack: Stack;
  beforeAll(async () => {
    stack = await start(root);
  });

  it('has the Safe contracts at their canonical addresses', async () => {
    expect(stack.contracts.safe).toMatchObject(CANONICAL);
    for (const address of Object.values(CANONICAL)) {
      expect((await stack.anvil.rpc.call<string>('eth_getCode', address, 'latest')).length).toBeGreaterThan(100);
    }
  });

  it('has a test token, all of it held by the outside world', async () => {
    const symbol = await stack.anvil.rpc.call<string>('eth_call', {
      to: stack.contracts.testToken,
      data: '0x95d89b41',
    });
    expect(Buffer.from(symbol.slice(2), 'hex').toString('utf8')).toContain('TUSD');
    const owner = stack.contracts.deployer.slice(2).padStart(64, '0');
    const balance = { to: stack.contracts.testToken, data: `0x70a08231${owner}` };
    expect(BigInt(await stack.anvil.rpc.call<string>('eth_call', balance))).toBe(10n ** 27n);
  });

  it('has a faucet that pays bitcoin', async () => {
    const { faucet, rpc } = stack.bitcoind;
    const address = await faucet.address();
    await faucet.pay(address, 123_456_789n);
    await faucet.mine();
    const received = await rpc.withWallet('faucet').call<number>('getreceivedbyaddress', address);
    expect(satoshi(received)).toBe(123_456_789n);
  });

  it('lets an app into its own database only, without any right beyond it', async () => {
    const own = new pg.Client({ connectionString: stack.postgres.databaseUrl('orchestrator') });
    await own.connect();
    const { rows } = await own.query<{
      rolsuper: boolean;
      rolbypassrls: boolean;
      rolcreaterole: boolean;
      rolcreatedb: boolean;
    }>('SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user');
    expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false }]);
    await own.query('CREATE TABLE kept (note text); INSERT INTO kept VALUES ($$still here$$)');
    await own.end();
    for (const other of ['signer_a', 'postgres', 'template1']) {
      const url = new URL(stack.postgres.databaseUrl('orchestrator'));
      url.pathname = `/${other}`;
      const stranger = new pg.Client({ connectionString: url.href });
      await expect(stranger.connect()).rejects.toMatchObject({ code: '42501' }); // insufficient_privilege
    }
  });

  it('refuses a wrong database password', async () => {
    const url = new URL(stack.postgres.databaseUrl('signer-a'));
    url.password = 'wrong';
    await expect(new pg.Client({ connectionString: url.href }).connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('has a token for each signer and one for the spare, each opened by its own PIN and unseen by the others', async () => {
    const pins = new Set(Object.values(stack.tokens).map(readPin));
    expect(pins.size).toBe(4);
    for (const token of Object.values(stack.tokens)) {
      expect(await tokensSeenWith(token.module, token.configFile, readPin(token))).toEqual([token.label]);
    }
    const { 'signer-a': a, 'signer-b': b } = stack.tokens;
    await expect(tokensSeenWith(a.module, a.configFile, readPin(b))).rejects.toThrow('CKR_PIN_INCORRECT');
  });

  it('gives each app a TLS identity that a peer can pin, and that no other passes for', async () => {
    const { orchestrator, 'signer-a': a, 'signer-b': b } = stack.tls;
    expect(await handshake(a, orchestrator, [orchestrator])).toEqual({
      server: a.fingerprint,
      client: orchestrator.fingerprint,
    });
    await expect(handshake(a, b, [orchestrator])).rejects.toThrow();
  });

  it('keeps secrets from others: 0600 files, nothing in arguments or in stack.json', () => {
    const secretFiles = [
      stack.layout.postgresPassword,
      stack.layout.bitcoinCredentials,
      ...Object.values(stack.tokens).map((token) => token.pinFile),
      ...Object.values(stack.tls).map((identity) => identity.keyFile),
    ];
    for (const file of secretFiles) expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600]);
    const shown = [
      readFileSync(stack.layout.stackFile, 'utf8'),
      ...Object.values(stack.parts).map((part) => readFileSync(`/proc/${part.pid}/cmdline`, 'utf8')),
    ].join('\n');
    for (const file of secretFiles.slice(0, 5)) {
      const secret = readFileSync(file, 'utf8').trim().split(':').at(-1)!;
      expect(secret.length).toBeGreaterThan(8);
      expect(shown).not.toContain(secret);
    }
  });

  it('is refused to a second launcher on the same root', async () => {
    await expect(startStack({ root })).rejects.toThrow(/running on .* already \(process \d+\)[^]*npm run down/);
  });

  it('lets the chains move on while something waits for confirmations, and rest afterwards', async () => {
    const { faucet, rpc } = stack.bitcoind;
    const txid = await faucet.pay(await faucet.address(), 50_000n);
    const height = BigInt(await stack.anvil.rpc.call<string>('eth_blockNumber'));
    const clock = startChainClock({ bitcoinRpc: rpc, ethereumUrl: stack.anvil.url, intervalMs: 20 });
    await until(async () => {
      const { confirmations = 0 } = await rpc
        .withWallet('faucet')
        .call<{ confirmations?: number }>('gettransaction', txid);
      return confirmations >= 6 && BigInt(await stack.anvil.rpc.call<string>('eth_blockNumber')) >= height + 6n;
    });
    await sleep(300);
    const resting = await rpc.call<number>('getblockcount');
    await sleep(300);
    expect(await rpc.call<number>('getblockcount')).toBe(resting);
    await clock.stop();
  });

  it.each(['bitcoind', 'anvil', 'postgres'] as const)('%s restarts on its data', async (name) => {
    const before = await facts(stack);
    const pid = stack.part(name).pid;
    await stack.part(name).restart();
    expect(stack.part(name).pid).not.toBe(pid);
    expect(await facts(stack)).toEqual(before);
  });

  it.each(['bitcoind', 'anvil', 'postgres'] as const)('%s comes back on its data after SIGKILL', async (name) => {
    await sleep(2500); // anvil writes its state once a second
    const before = await facts(stack);
    await stack.part(name).kill('SIGKILL');
    expect(stack.part(name).running).toBe(false);
    await stack.part(name).start();
    expect(await facts(stack)).toEqual(before);
  });

  it('keeps everything over a stop and a new start, and keeps no process', async () => {
    const before = await facts(stack);
    const pids = Object.values(stack.parts).map((part) => identityOf(part.pid!)!);
    expect(pids).toHaveLength(3);
    await stack.stop();
    expect(pids.filter(stillRuns)).toEqual([]);
    stack = await start(root);
    expect(await facts(stack)).toEqual(before);
  });
});

describe('when things go wrong', () => {
  it('names a port that is taken, and says how to choose another', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const attempt = startStack({ root: temporaryRoot(), ports: { anvil: port }, only: ['anvil'] });
    await expect(attempt).rejects.toThrow(new RegExp(`Port ${port}, wanted for anvil, is taken[^]*--port-anvil`));
    other.close();
  });

  it('stops what has started when another part cannot start, and gives the root free', async () => {
    const root = temporaryRoot();
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    await expect(startStack({ root, ports: { anvil: port }, only: ['anvil', 'bitcoind'] })).rejects.toThrow('anvil');
    other.close();
    const stack = await start(root, { only: ['bitcoind'] });
    await stack.stop();
  });

  it('reports a part that dies, with the end of its log', async () => {
    const reports: string[] = [];
    const stack = await start(temporaryRoot(), { only: ['bitcoind'], onPartDied: (report) => reports.push(report) });
    process.kill(stack.bitcoind.part.pid!, 'SIGKILL');
    await until(() => Promise.resolve(reports.length > 0));
    expect(reports).toEqual([
      expect.stringMatching(/^bitcoind was ended by SIGKILL\. Its log, .*bitcoind\.log, ends:\n.+/),
    ]);
    await stack.stop();
  });

  it('leaves nothing that blocks the next start when the launcher is killed', async () => {
    const root = temporaryRoot();
    const { launcher, pids } = await launchElsewhere(root);
    launcher.kill('SIGKILL');
    await until(() => Promise.resolve(!pids.some(stillRuns))); // the system ends them for us
    const stack = await start(root, { only: ['postgres', 'bitcoind', 'anvil'] });
    expect(await stack.bitcoind.rpc.call<number>('getblockcount')).toBe(110);
    await stack.stop();
  });

  it('ends what a killed launcher left that would not end by itself', async () => {
    const root = temporaryRoot();
    const { launcher, pids } = await launchElsewhere(root);
    for (const { pid } of pids) process.kill(pid, 'SIGSTOP');
    launcher.kill('SIGKILL');
    await sleep(200);
    expect(pids.every(stillRuns)).toBe(true);
    const stack = await start(root, { only: ['postgres', 'bitcoind', 'anvil'] });
    expect(pids.some(stillRuns)).toBe(false);
    await stack.stop();
  });
});

describe("a database server of somebody else's (DATABASE_URL)", () => {
  let landlord: string;
  beforeAll(async () => {
    const host = await start(temporaryRoot(), { only: ['postgres'] });
    const password = readFileSync(host.layout.postgresPassword, 'utf8').trim();
    const administrator = `postgres://bulkhead_admin:${password}@127.0.0.1:${host.ports.postgres}/postgres`;
    const client = new pg.Client({ connectionString: administrator });
    await client.connect();
    await client.query(
      "CREATE ROLE landlord LOGIN CREATEDB CREATEROLE PASSWORD 'x'; GRANT CONNECT ON DATABASE postgres TO landlord",
    );
    await client.end();
    landlord = administrator.replace(`bulkhead_admin:${password}`, 'landlord:x');
  });

  it('gets databases and roles of their own for each stack, through a role that is no superuser', async () => {
    const roots = [temporaryRoot(), temporaryRoot()];
    const urls: string[] = [];
    for (const root of [...roots, roots[0]!]) {
      const stack = await start(root, { only: ['postgres'], databaseUrl: landlord });
      expect(stack.parts).toEqual({});
      const client = new pg.Client({ connectionString: stack.postgres.databaseUrl('signer-a') });
      await client.connect();
      await client.query('CREATE TABLE IF NOT EXISTS mine ()');
      await client.end();
      urls.push(stack.postgres.databaseUrl('signer-a'));
      await stack.stop();
    }
    expect(urls[2]).toBe(urls[0]);
    expect(urls[1]).not.toBe(urls[0]);
    const trespasser = new URL(urls[0]!);
    trespasser.pathname = new URL(urls[1]!).pathname;
    await expect(new pg.Client({ connectionString: trespasser.href }).connect()).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('is not used when it still holds the databases of a state that was wiped', async () => {
    const root = temporaryRoot();
    await (await start(root, { only: ['postgres'], databaseUrl: landlord })).stop();
    rmSync(root, { recursive: true });
    await expect(startStack({ root, only: ['postgres'], databaseUrl: landlord })).rejects.toThrow(
      /of an earlier state[^]*DROP DATABASE/,
    );
  });

  it('that does not answer gets a message that names the setting', async () => {
    const nobody = landlord.replace(/:\d+\//, `:${await freePort()}/`);
    await expect(startStack({ root: temporaryRoot(), only: ['postgres'], databaseUrl: nobody })).rejects.toThrow(
      'DATABASE_URL',
    );
  });
});

/** What a restart must not change. */
async function facts(stack: Stack): Promise<unknown> {
  const client = new pg.Client({ connectionString: stack.postgres.databaseUrl('orchestrator') });
  await client.connect();
  const { rows } = await client.query('SELECT note FROM kept');
  await client.end();
  return {
    kept: rows,
    bitcoinTip: await stack.bitcoind.rpc.call('getbestblockhash'),
    faucetBalance: await stack.bitcoind.rpc
      .withWallet('faucet')
      .call('getbalances')
      .then((all) => (all as { mine: unknown }).mine),
    ethereumTip: (await stack.anvil.rpc.call<{ hash: string }>('eth_getBlockByNumber', 'latest', false)).hash,
    outsideWorldWei: await stack.anvil.rpc.call('eth_getBalance', stack.contracts.deployer, 'latest'),
    token: stack.contracts.testToken,
    pins: Object.values(stack.tokens).map(readPin),
    fingerprints: Object.values(stack.tls).map((identity) => identity.fingerprint),
  };
}

/** A launcher in a process of its own, as built. */
async function launchElsewhere(
  root: string,
): Promise<{ launcher: ChildProcess; pids: { pid: number; startTicks: string; bootId: string }[] }> {
  const program = `
    const { startStack } = await import(${JSON.stringify(join(projectFolder, 'dist/apps/cli/src/stack/index.js'))});
    const stack = await startStack({ root: ${JSON.stringify(root)}, only: ['postgres', 'bitcoind', 'anvil'] });
    console.log(JSON.stringify(Object.values(stack.parts).map((part) => part.pid)));
    setInterval(() => {}, 1000);`;
  const launcher = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    launcher.stdout.setEncoding('utf8').once('data', resolve);
    launcher.once('exit', () => {
      reject(new Error('the launcher ended'));
    });
  });
  return { launcher, pids: (JSON.parse(line) as number[]).map((pid) => identityOf(pid)!) };
}

/** Loads the module in a process of its own and logs in: labels of the initialised tokens it sees. */
async function tokensSeenWith(module: string, configFile: string, pin: string): Promise<string[]> {
  const program = `
    const p = require('pkcs11js'); const m = new p.PKCS11(); m.load(process.argv[1]); m.C_Initialize();
    const slots = m.C_GetSlotList(true).filter((s) => m.C_GetTokenInfo(s).flags & p.CKF_TOKEN_INITIALIZED);
    const session = m.C_OpenSession(slots[0], p.CKF_SERIAL_SESSION);
    m.C_Login(session, p.CKU_USER, require('fs').readFileSync(0, 'utf8'));
    console.log(JSON.stringify(slots.map((s) => m.C_GetTokenInfo(s).label.trim())));`;
  const child = spawn(process.execPath, ['-e', program, module], {
    cwd: projectFolder,
    env: { PATH: process.env.PATH, SOFTHSM2_CONF: configFile },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(pin);
  let printed = '';
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(complaint);
  return JSON.parse(printed) as string[];
}

interface Identity {
  keyFile: string;
  certificateFile: string;
  fingerprint: string;
}

/** Mutual TLS between two identities; the server trusts only `trusted`. Resolves with the fingerprints each side saw. */
async function handshake(
  server: Identity,
  client: Identity,
  trusted: Identity[],
): Promise<{ server: string; client: string }> {
  const pem = (file: string): string => readFileSync(file, 'utf8');
  const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
  const listener = tls.createServer({
    key: pem(server.keyFile),
    cert: pem(server.certificateFile),
    ca: trusted.map((identity) => pem(identity.certificateFile)),
    requestCert: true,
    rejectUnauthorized: true,
  });
  const port = await freePort();
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  try {
    return await new Promise((resolve, reject) => {
      listener.once('tlsClientError', reject);
      listener.once('secureConnection', (socket) => {
        socket.end(bare(socket.getPeerCertificate().fingerprint256));
      });
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        key: pem(client.keyFile),
        cert: pem(client.certificateFile),
        ca: [pem(server.certificateFile)],
      });
      socket.once('error', reject);
      socket.once('data', (data: Buffer) => {
        resolve({ server: bare(socket.getPeerCertificate().fingerprint256), client: data.toString() });
        socket.destroy();
      });
    });
  } finally {
    listener.close();
  }
}

async function until(done: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  for (const endMs = Date.now() + timeoutMs; Date.now() < endMs;) {
    if (await done()) return;
    await sleep(50);
  }
  throw new Error('it did not come about');
}
