import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { bitcoinSpec, entryHash, type Act, type BitcoinWallet, type CharterEntry } from '@bulkhead/charter';
import { etherAsset, orThrow, REGTEST, type Result } from '@bulkhead/intent';
import pg from 'pg';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { ANVIL, CharterBuilder, instant, makeMembers } from '../support/charter-builder.js';
import { SignerStack } from '../support/signer-stack.js';

jest.setTimeout(60_000); // real processes on a busy machine

let firm: SignerStack;
let charter: CharterBuilder;
let signer: SignerClient;

beforeAll(async () => {
  firm = await SignerStack.start();
  ({ charter } = firm);
  await firm.startSigner('signer-a');
  signer = firm.client('signer-a');
}, 200_000);
afterAll(() => firm.stop());

const openClient = (id: string): Act => ({ kind: 'client.open', owner: { id, name: id } });
const push = (...entries: CharterEntry[]) => signer.pushEntries(entries);
const codeOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.code);

describe('the charter of a signer', () => {
  it('starts with the genesis that it was set up for, and with no other', async () => {
    const other = CharterBuilder.start(charter.state.genesis.signers);
    expect(codeOf(await push(charter.append(openClient('early'))))).toBe('charter.gap');
    expect(codeOf(await push(other.entries[0]!))).toBe('charter.genesis-mismatch');
    expect(orThrow(await push(...charter.entries))).toMatchObject({ firm: charter.firm, entries: 2 });
  });

  it('takes each entry once, and is content when it is brought again', async () => {
    const entry = charter.append(openClient('alpha'));
    expect(codeOf(await push(entry))).toBe('accepted');
    const { entries, heads } = orThrow(await push(...charter.entries));
    expect(entries).toBe(charter.entries.length);
    expect(heads['client:alpha']?.hash).toBe(charter.lastHash);
  });

  it('refuses a gap, a fork and a rollback', async () => {
    const forked = charter.entry({ kind: 'house.open', owner: { id: 'house-2', name: 'Other house' } });
    const first = charter.append({ kind: 'house.open', owner: { id: 'house', name: 'House' } });
    const second = charter.append({
      kind: 'asset.list',
      asset: { id: etherAsset(ANVIL), symbol: 'ETH', decimals: 18 },
    });
    expect(codeOf(await push(second))).toBe('charter.gap');
    expect(codeOf(await push(first))).toBe('accepted');
    expect(codeOf(await push(forked))).toBe('charter.fork');
    expect(codeOf(await push(second))).toBe('accepted');
    expect(codeOf(await push(forked))).toBe('charter.rollback');
  });

  it('refuses an entry of another firm, one that is built on a firm state that has passed, and one from the future', async () => {
    const other = CharterBuilder.start(charter.state.genesis.signers, { members: makeMembers() });
    expect(codeOf(await push(other.append(openClient('foreign'))))).toBe('intent.wrong-firm');
    const stale = charter.entry(openClient('stale'), { intent: { firmHead: { sequence: 0, hash: charter.firm } } });
    expect(codeOf(await push(stale))).toBe('charter.firm-head-stale');
    const later = charter.entry(openClient('later'), { enactedAt: instant(10 * 60_000) });
    expect(codeOf(await push(later))).toBe('charter.enacted-in-future');
  });

  it('verifies approvals by itself', async () => {
    const { olivia, omar, oskar, carla } = charter.members;
    const approvedBy = (...approvers: (typeof olivia)[]) => push(charter.entry(openClient('beta'), { approvers }));
    expect(codeOf(await approvedBy(omar))).toBe('approval.quorum-not-met');
    expect(codeOf(await approvedBy(omar, oskar))).toBe('approval.quorum-not-met');
    expect(codeOf(await approvedBy(omar, omar, carla))).toBe('approval.duplicate');
    expect(codeOf(await approvedBy(olivia, carla))).toBe('approval.initiator');
    const entry = charter.entry(openClient('beta'));
    const forged = { ...entry, intent: { ...entry.intent, act: openClient('mallory'), chain: 'client:mallory' } };
    expect(codeOf(await push(forged))).toBe('approval.intent-mismatch');
  });

  it('keeps what was applied before the refusal of a later entry, and says which was refused', async () => {
    const good = charter.append(openClient('gamma'));
    const bad = charter.entry(openClient('delta'), { approvers: [] });
    const answer = await push(good, bad);
    expect(answer).toMatchObject({ ok: false, refusal: { facts: { entryChain: 'client:delta' } } });
    expect(orThrow(await signer.heads()).heads['client:gamma']?.hash).toBe(charter.lastHash);
  });

  it('asks every entry for its proof, save those that its own operator has named by their hash', async () => {
    const text = '@quorum("transfer.PAYMENT") permit (principal, action == Action::"transfer", resource);';
    const hole: Act = { kind: 'policy.set', id: 'hole', text, owner: null, wallet: null };
    const entry = charter.entry(hole);
    const hash = entryHash(entry);
    const refusal = { code: 'policy.counter-example', facts: { claim: 'walls', entryHash: hash } };
    expect(await push(entry)).toMatchObject({ ok: false, refusal });
    await firm.startSigner('signer-b', { entriesWithoutProof: [hash] });
    const named = firm.client('signer-b');
    const other = charter.entry({ ...hole, id: 'another-hole' });
    expect(codeOf(await named.pushEntries([...charter.entries, other]))).toBe('policy.counter-example');
    expect(codeOf(await named.pushEntries([entry]))).toBe('accepted');
  });

  it('says of a wallet whether the key that it names is the one which its own token made for it', async () => {
    const [own] = await firm.keys('alpha-btc', [signer]);
    const foreign = { signer: 'signer-a', publicKey: newOwnerKey().publicKey };
    const wallet = (key: typeof foreign): BitcoinWallet => ({
      kind: 'bitcoin-multisig',
      id: 'alpha-btc',
      owner: 'alpha',
      chain: REGTEST,
      threshold: 2,
      keys: [key, { signer: 'signer-b', publicKey: newOwnerKey().publicKey }],
      recovery: { kind: 'none' },
      recoveryDelayBlocks: 1000,
      addressWindow: 5,
    });
    expect(codeOf(await signer.confirmKey(wallet(foreign)))).toBe('charter.key-not-held');
    expect(codeOf(await signer.confirmKey(wallet(own!)))).toBe('accepted');
    expect(codeOf(await push(charter.append({ kind: 'wallet.open', wallet: wallet(own!) })))).toBe('accepted');
    expect(bitcoinSpec(charter.state.wallets.get('alpha-btc') as BitcoinWallet).quorumKeys).toContain(own!.publicKey);
  });

  it('is the same after a restart', async () => {
    const before = orThrow(await signer.heads());
    await firm.stack.part('signer-a').kill('SIGKILL');
    await firm.stack.part('signer-a').start();
    expect(orThrow(await signer.heads())).toEqual(before);
  });

  it('is written once: its table refuses every change', async () => {
    const database = new pg.Client({ connectionString: firm.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    try {
      for (const change of [
        'delete from charter_entry',
        'truncate charter_entry',
        `update charter_entry set hash = hash`,
      ])
        await expect(database.query(change)).rejects.toThrow(/written once/);
    } finally {
      await database.end();
    }
  });
});

describe('a signer’s token', () => {
  it('makes one key for a wallet, that cannot leave it', async () => {
    const wallet = `w-${randomUUID()}`;
    const key = orThrow(await signer.generateKey(wallet));
    expect(key.attributes).toMatchObject({ sensitive: true, extractable: false, neverExtractable: true, local: true });
    expect(orThrow(await signer.generateKey(wallet)).publicKey).toBe(key.publicKey);
  });

  it.each([
    ['POST', '/v1/sign', { digest: '00'.repeat(32) }],
    ['POST', '/v1/sign/digest', { digest: '00'.repeat(32) }],
    ['GET', '/v1/keys/w-1', undefined],
    ['POST', '/v1/keys/exports', {}],
  ] as const)('has no door %s %s', async (method, path, body) => {
    const { status, text } = orThrow(await signer.raw(method, path, body));
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ code: 'request.not-found', status: 404 });
  });

  it('is not asked anything that has an unknown field', async () => {
    const { status, text } = orThrow(await signer.raw('POST', '/v1/keys', { wallet: 'alpha-btc', digest: 'ff' }));
    expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([400, 'request.malformed']);
  });

  it('with a wrong PIN keeps the signer from signing, and the signer says so', async () => {
    const pinFile = join(firm.stack.root, 'wrong-pin');
    writeFileSync(pinFile, '000000000000', { mode: 0o600 });
    const { label, configFile } = firm.stack.tokens['signer-c'];
    const profileFile = join(import.meta.dirname, '../../hsm-config/softhsm2.json');
    await firm.startSigner('signer-c', { token: { profileFile, label, pinFile, env: { SOFTHSM2_CONF: configFile } } });
    const client = firm.client('signer-c');
    expect(orThrow(await client.raw('GET', '/health')).status).toBe(503);
    expect(codeOf(await client.health())).toBe('keys.pin-incorrect');
    expect(codeOf(await client.generateKey('any'))).toBe('keys.pin-incorrect');
  });
});

describe('a signer’s door', () => {
  it('is shut to a client without a certificate', async () => {
    const url = `https://127.0.0.1:${firm.stack.ports['signer-a']}/health`;
    const ca = readFileSync(firm.stack.tls['signer-a'].certificateFile);
    const answer = new Promise((resolve, reject) => {
      request(url, { ca, checkServerIdentity: () => undefined }, resolve)
        .once('error', reject)
        .end();
    });
    await expect(answer).rejects.toThrow();
  });

  it('is shut to a client with a certificate that is not pinned', async () => {
    expect(codeOf(await firm.client('signer-a', 'signer-b').health())).toBe('signer.unavailable');
  });

  it('is shut to a certificate that a pinned one has issued', async () => {
    const { keyFile, certificateFile } = firm.stack.tls.orchestrator;
    const at = (name: string) => join(firm.stack.root, name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      at('issued.key'),
      '-subj',
      '/CN=orchestrator',
      '-out',
      at('issued.csr'),
    );
    openssl(
      'x509',
      '-req',
      '-in',
      at('issued.csr'),
      '-CA',
      certificateFile,
      '-CAkey',
      keyFile,
      '-CAcreateserial',
      '-out',
      at('issued.crt'),
    );
    const options = {
      key: readFileSync(at('issued.key')),
      cert: readFileSync(at('issued.crt')),
      rejectUnauthorized: false,
    };
    const url = `https://127.0.0.1:${firm.stack.ports['signer-a']}/health`;
    const answer = new Promise((resolve, reject) => {
      request(url, options, resolve).once('error', reject).end();
    });
    await expect(answer).rejects.toThrow();
  });

  it('is where a client turns away from a server that is not the pinned one', async () => {
    const { tls, ports } = firm.stack;
    const { SignerClient } = await import('../../apps/orchestrator/src/signers/signer-client.js');
    const { keyFile, certificateFile: certFile } = tls.orchestrator;
    const impostor = {
      id: 'signer-b',
      url: `https://127.0.0.1:${ports['signer-a']}`,
      certFile: tls['signer-b'].certificateFile,
    };
    const client = new SignerClient(impostor, { keyFile, certFile }, 5_000);
    expect(codeOf(await client.health())).toBe('signer.unavailable');
    client.close();
  });
});
