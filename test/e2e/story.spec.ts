/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { WalletView } from '../../apps/orchestrator/src/wallets/http/views.js';
import { BitcoinRpc, satoshi } from '../../apps/cli/src/stack/index.js';
import type { ReconciliationView } from '../../apps/cli/src/story/ending.js';
import { playStory, type StoryResult } from '../../apps/cli/src/story/story.js';
import { Bulkhead } from '../support/bulkhead.js';
import { childProcesses, secretsOf } from '../support/secrets.js';

jest.setTimeout(120_000); // a whole firm's day on a busy machine

const SIGNERS = 'signer-a, signer-b, signer-c';
const BTC = 100_000_000n;
const ETHER = 10n ** 18n;

/** Every attempt to mix, with the one reason for which each wall must refuse it. */
const REFUSALS: readonly (readonly [string, string])[] = [
  ['Alpha’s coins to the house', 'segregation.pays-house'],
  ['Alpha’s coins to Beta', 'segregation.pays-other-client'],
  ['coins of Alpha and Beta in one PSBT', 'segregation.mixed-owners'],
  ['change that is not the wallet’s own', 'segregation.change-not-own'],
  ['a destination that nobody approved', 'segregation.unknown-destination'],
  ['a fee that was changed after the approval', 'approval.payload-mismatch'],
  ['one approver twice', 'approval.duplicate'],
  ['the initiator as the second approver', 'approval.initiator'],
  ['a delegatecall to an unknown contract', 'ethereum.delegatecall-unknown'],
];

const openings = (name: string): string[] => [
  `${name}: Bitcoin wallet, 2 of 3 keys, each made in its own token`,
  `${name}: Safe, 2 of 3 owners in tokens, address known in advance`,
];

const DEEDS: readonly string[] = [
  'the house is opened',
  'asset BTC is listed',
  'asset ETH is listed',
  'asset TUSD is listed',
  'the house’s treasury address elsewhere is declared proprietary',
  'the house’s gas payer, one key in the token of signer-a',
  ...openings('The house'),
  'client Alpha is opened, on a chain of its own',
  ...openings('Alpha'),
  'client Beta is opened, on a chain of its own',
  ...openings('Beta'),
  'Alpha’s Bitcoin and Ethereum destinations are approved',
  'Beta’s Ethereum destination is approved',
  'Alpha: 2 BTC credited',
  'Beta: 3 BTC credited',
  'The house: 1 BTC credited',
  'Alpha: 5 ETH credited',
  'Beta: 4 ETH credited',
  'Alpha: 1000 TUSD credited',
  '0.1 BTC from the house’s treasury into Alpha’s wallet: quarantined',
  'Alpha pays 0.5 BTC to its bank',
  'Beta pays 1.5 ETH to its broker',
  'Alpha pays 250 TUSD to its broker',
  'register and chains agree to the last unit',
];

let bulkhead: Bulkhead;
let story: StoryResult;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ clock: true });
  story = await playStory(bulkhead.stack, () => undefined);
});
afterAll(() => bulkhead.stop());

describe('the story', () => {
  it('comes out as it must, line by line', () => {
    expect(story.lines.filter(({ ok }) => !ok)).toEqual([]);
    expect(story.ok).toBe(true);
  });

  it('lacks none of what must work', () => {
    const done = story.lines.filter(({ outcome }) => outcome === 'done').map(({ what }) => what);
    expect(done).toEqual(DEEDS);
  });

  it('has every attempt to mix refused twice: by the API, and by all three signers', () => {
    const refusals = story.lines.filter(({ outcome }) => outcome !== 'done');
    expect(refusals.map(({ what, who, outcome }) => [what, who, outcome])).toEqual(
      REFUSALS.flatMap(([what, code]) => [
        [what, 'API', code],
        [what, SIGNERS, code],
      ]),
    );
  });

  it('leaves Alpha and Beta with what they had, less what they paid and the network’s fee', async () => {
    const [paid] = await bulkhead
      .get<{ decoded: { fee: { amount: string } } }[]>('/v1/transfers?owner=alpha&state=SETTLED')
      .then((settled) => settled.filter(({ decoded }) => decoded.fee.amount !== '0'));
    const fee = BigInt(paid!.decoded.fee.amount);
    const { btc, eth, tusd } = bulkhead.cast;
    const report = await bulkhead.get<ReconciliationView>('/v1/reconciliations/latest');
    expect(report.balanced).toBe(true);
    const register = (wallet: string, asset: string): bigint =>
      BigInt(report.lines.find((line) => line.wallet === wallet && line.asset === asset)!.register);
    expect(register('alpha-btc', btc)).toBe((21n * BTC) / 10n - BTC / 2n - fee);
    expect(register('beta-btc', btc)).toBe(3n * BTC);
    expect(register('house-btc', btc)).toBe(BTC);
    expect(register('alpha-eth', eth)).toBe(5n * ETHER);
    expect(register('alpha-eth', tusd)).toBe(750n * ETHER);
    expect(register('beta-eth', eth)).toBe((5n * ETHER) / 2n);
  });

  it('ends with what the nodes themselves say of each wallet', async () => {
    const { lines } = await bulkhead.get<ReconciliationView>('/v1/reconciliations/latest');
    const wallets = await bulkhead.get<WalletView[]>('/v1/wallets');
    expect(lines).toHaveLength(11);
    for (const { wallet: id, asset, register, chain, difference } of lines) {
      const onChain = await askNode(
        wallets.find((wallet) => wallet.id === id)!,
        asset,
      );
      expect([id, asset, register, chain, difference]).toEqual([id, asset, onChain, onChain, '0']);
    }
  });
});

/** What a node says that a wallet holds, asked without any of Bulkhead's code. */
async function askNode({ descriptor, address }: WalletView, asset: string): Promise<string> {
  const { bitcoind, anvil } = bulkhead.stack;
  if (descriptor !== null) {
    const { url, credentialsFile } = bitcoind;
    const node = new BitcoinRpc({ url, credentialsFile });
    const scanned = await node.call<{ total_amount: number }>('scantxoutset', 'start', [
      { desc: descriptor, range: 49 },
    ]);
    return satoshi(scanned.total_amount).toString();
  }
  const token = /erc20:(0x[0-9a-f]{40})$/.exec(asset)?.[1];
  const balanceOf = `0x70a08231${address!.slice(2).toLowerCase().padStart(64, '0')}`;
  const answer = token
    ? await anvil.rpc.call<string>('eth_call', { to: token, data: balanceOf }, 'latest')
    : await anvil.rpc.call<string>('eth_getBalance', address, 'latest');
  return BigInt(answer).toString();
}

describe('after the story', () => {
  it('no log of any process holds a PIN, a private key, a token or a password', () => {
    const secrets = secretsOf(bulkhead.stack);
    expect(secrets.length).toBeGreaterThan(30);
    const logs = logFiles(bulkhead.stack.root);
    expect(logs.length).toBeGreaterThanOrEqual(8);
    const found = logs.flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return secrets.filter((secret) => text.includes(secret.text)).map((secret) => `${secret.file} in ${file}`);
    });
    expect(found).toEqual([]);
  });

  it('no process shows a secret in its arguments or its environment', () => {
    const secrets = secretsOf(bulkhead.stack);
    const processes = childProcesses();
    const parts = Object.values(bulkhead.stack.parts).map(({ pid }) => pid);
    expect(processes.map(({ pid }) => pid)).toEqual(expect.arrayContaining(parts));
    expect(processes.length).toBeGreaterThanOrEqual(parts.length + 3); // each signer has a process for its token
    const found = processes.flatMap(({ commandLine, environment }) =>
      secrets
        .filter(({ text }) => commandLine.includes(text) || environment.includes(text))
        .map(({ file }) => `${file} in ${commandLine}`),
    );
    expect(found).toEqual([]);
  });

  it('every file with a secret is for its owner’s eyes only', () => {
    const files = new Set(secretsOf(bulkhead.stack).map(({ file }) => file));
    const open = [...files].filter((file) => (statSync(file).mode & 0o077) !== 0);
    expect(open).toEqual([]);
  });

  it('every line that our own processes logged is structured', () => {
    for (const app of ['orchestrator', 'signer-a', 'signer-b', 'signer-c'] as const) {
      const lines = readFileSync(bulkhead.stack.part(app).logFile, 'utf8').trim().split('\n');
      const unstructured = lines.filter((line) => !/^\{.*\}$/.test(line));
      expect(unstructured).toEqual([]);
    }
  });
});

/** Every log below a folder, ours and those that the parts keep for themselves. */
function logFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.log'))
    .map((entry) => join(entry.parentPath, entry.name));
}
