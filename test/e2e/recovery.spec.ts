import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryHash, type CharterEntry, type Wallet } from '@bulkhead/charter';
import { openKit, tokenHolders, verifyTranscript } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import { pkcs11ProfileSchema } from '@bulkhead/keys';
import { jest } from '@jest/globals';
import { parseEther } from 'ethers';
import { SIGNER_NAMES, startStack, type SignerName, type Stack } from '../../apps/cli/src/stack/index.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { readGenesis } from '../../apps/cli/src/setup/genesis.js';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import { developmentDevice } from '../../apps/cli/src/members/development-members.js';
import { Bulkhead } from '../support/bulkhead.js';
import { bulkheadCli, type CliAnswer } from '../support/bulkhead-cli.js';
import { CKR, shimOver } from '../support/pkcs11-shim.js';
import { bulkhead, type Ran } from '../support/run-bulkhead.js';

jest.setTimeout(300_000);

interface TokenPlace {
  readonly signer: string;
  readonly label: string;
  readonly profileFile: string;
  readonly pinFile: string;
  readonly env: { readonly SOFTHSM2_CONF: string };
}

const DEPOSITS_SAT = [40_000_000n, 25_000_000n, 1_500_000n];
const DEPOSIT_WEI = parseEther('3');
const problemIn = async (asking: () => Promise<unknown>): Promise<string> => {
  try {
    await asking();
    return 'given';
  } catch (error) {
    return error instanceof ApiRefusal ? error.problem.code : String(error);
  }
};

/** The firm is gone: its databases, its configuration and its processes. What is left is a kit, tokens and nodes. */
describe('recovery of a client from its kit alone', () => {
  let firm: Bulkhead;
  let scene: Scene;
  let stack: Stack;
  let bench: string;
  let kit: string;
  let genesis: string;
  let built: Ran;
  let fetched: CliAnswer;
  let raw: string;
  const asked: Record<string, string> = {};
  const file = (name: string): string => join(bench, name);
  const known = (): string[] => ['--kit', kit, '--firm', genesis];
  const bitcoin = (): string[] => ['--bitcoind', stack.bitcoind.url, '--cookie', stack.bitcoind.credentialsFile];
  const as = (member: string): string[] => ['--as', member, '--key-file', join(stack.layout.members, `${member}.pem`)];

  beforeAll(async () => {
    bench = mkdtempSync(join(tmpdir(), 'bulkhead-recovery-'));
    kit = file('alpha.kit');
    firm = await Bulkhead.start({ scene: true });
    scene = await firm.setTheScene();
    await firm.fundBitcoin('alpha-btc', DEPOSITS_SAT);
    await firm.fundEther(scene.alphaSafe, DEPOSIT_WEI);
    const { layout, tokens } = firm.stack;
    const scope = { of: 'wallet', wallet: 'alpha-eth' } as const;
    await firm.cast.client.enact({ kind: 'freeze', scope, reason: 'a claim' }, firm.cast.olivia, [firm.cast.omar]);
    const entries = await firm.get<{ entry: CharterEntry }[]>('/v1/charter/entries?limit=500');
    writeFileSync(file('entries.json'), JSON.stringify(entries.map(({ entry }) => entry)));
    genesis = entryHash(readGenesis(layout.genesis));
    for (const signer of SIGNER_NAMES) writeFileSync(file(`${signer}.json`), JSON.stringify(tokens[signer].profile));
    placeTokens(tokens, SIGNER_NAMES);
    built = await bulkhead(
      ...['kit', '--client', 'alpha', '--out', file('built.kit'), '--entries', file('entries.json'), '--firm', genesis],
    );
    fetched = await bulkheadCli(layout.root, 'kit', '--client', 'alpha', '--out', kit, '--fetch', '--as', 'carla');
    const { api } = firm.cast.client;
    for (const who of ['erika', 'olivia', 'nobody'] as const) {
      const token = who === 'nobody' ? 'x'.repeat(43) : developmentDevice(layout.members, who).apiToken;
      asked[who] = await problemIn(() => api.get('/v1/clients/alpha/recovery-kit', token));
    }
    asked['a stranger'] = await problemIn(() => api.get('/v1/clients/gamma/recovery-kit', firm.cast.olivia.apiToken));
    raw = await (
      await fetch(`${api.url}/v1/clients/alpha/recovery-kit`, {
        headers: { authorization: `Bearer ${firm.cast.olivia.apiToken}` },
      })
    ).text();
    await firm.stack.stop();
    for (const lost of [layout.postgres, layout.config, layout.tls, layout.genesis]) {
      rmSync(lost, { recursive: true, force: true });
    }
    stack = await startStack({ root: layout.root, only: ['bitcoind', 'anvil'] });
  });
  afterAll(async () => {
    await stack.stop();
    await firm.stop();
    rmSync(bench, { recursive: true, force: true });
  });

  function placeTokens(tokens: Stack['tokens'], signers: readonly SignerName[]): void {
    const places = signers.map((signer) => ({
      signer,
      profileFile: `${signer}.json`,
      label: tokens[signer].label,
      pinFile: tokens[signer].pinFile,
      env: { SOFTHSM2_CONF: tokens[signer].configFile },
    }));
    writeFileSync(file(`tokens-${signers.length}.json`), JSON.stringify(places));
  }

  it('began with a ceremony, whose transcript holds and names the tokens', async () => {
    const transcript = join(stack.layout.root, 'ceremony', 'transcript.jsonl');
    const verified = await bulkhead('verify', 'transcript', transcript, '--firm', genesis);
    expect(verified).toMatchObject({ status: 0, output: expect.stringContaining(`Genesis ${genesis}`) });
    const houseKeys = orThrow(verifyTranscript(readFileSync(transcript, 'utf8'))).signed;
    expect(houseKeys.filter(({ id }) => id.startsWith('keys:')).map(({ facts }) => facts['house-btc key'])).toEqual(
      houseWallet().keys.map(({ publicKey }) => publicKey),
    );
  });

  it('has a kit that the running firm made, the same as from its log, in the form of the file', () => {
    expect(fetched).toMatchObject({ status: 0, error: '', output: expect.stringMatching(/: 2 wallets of Alpha/) });
    expect(built).toMatchObject({ status: 0 });
    const kits = [kit, file('built.kit')].map(
      (one) => orThrow(openKit(readFileSync(one, 'utf8'), genesis as Digest)).kit,
    );
    const [ofFirm, ofLog] = kits.map(({ issuedAt: _issuedAt, holders: _holders, ...rest }) => rest);
    expect(ofFirm).toEqual(ofLog);
    expect(orThrow(openKit(raw, genesis as Digest)).kit.owner.id).toBe('alpha');
    const transcript = join(stack.layout.root, 'ceremony', 'transcript.jsonl');
    const ceremony = orThrow(verifyTranscript(readFileSync(transcript, 'utf8')));
    expect(kits[0]?.holders).toEqual(tokenHolders(ceremony));
  });

  it('has it for operators and compliance officers only', () => {
    expect(asked).toEqual({
      erika: 'request.forbidden',
      olivia: 'given',
      nobody: 'request.unauthenticated',
      'a stranger': 'request.not-found',
    });
  });

  it('finds every wallet and what it holds', async () => {
    const shown = await bulkhead('recover', ...known(), ...bitcoin(), '--ethereum', stack.anvil.url);
    expect(shown).toMatchObject({ status: 0 });
    expect(shown.output).toContain('holds 0.665 BTC in 3 coins');
    expect(shown.output).toMatch(/deployed, owners as in the charter, nonce 0; holds 3\.0 ETH, 0\.0 TUSD/);
  });

  it('is for this firm only', async () => {
    const other = await bulkhead('recover', '--kit', kit, '--firm', genesis.replace(/^../, 'ff'));
    expect(other).toMatchObject({ status: 1, output: expect.stringContaining('kit.mismatch') });
  });

  it('refuses a kit in which a destination was exchanged', async () => {
    const forged = file('forged.kit');
    const text = readFileSync(kit, 'utf8').replaceAll(scene.alphaBitcoinDestination, scene.strangerBitcoin);
    writeFileSync(forged, text);
    expect(await bulkhead('recover', '--kit', forged, '--firm', genesis)).toMatchObject({
      status: 1,
      output: expect.stringMatching(/kit\.mismatch|approval\./),
    });
  });

  it('does not pay an address that the client has not had approved', async () => {
    const wish = ['--wallet', 'alpha-btc', '--to', scene.strangerBitcoin, '--out', file('stranger.json')];
    const refused = await bulkhead('recover', 'propose', ...known(), ...bitcoin(), ...as('olivia'), ...wish);
    expect(refused).toMatchObject({ status: 1, output: expect.stringContaining('segregation.') });
  });

  it('signs nothing before the quorum has approved', async () => {
    const shown = await bulkhead('recover', ...known(), ...bitcoin());
    const quarantined = /([0-9a-f]{64}:\d+) {2}0\.015 BTC/.exec(shown.output)![1]!;
    const to = ['--wallet', 'alpha-btc', '--to', scene.alphaBitcoinDestination];
    const part = [...to, '--amount', '0.1', '--out', file('part.json')];
    expect(await bulkhead('recover', 'propose', ...known(), ...bitcoin(), ...as('olivia'), ...part)).toMatchObject({
      status: 0,
      output: expect.stringMatching(/pays +bcrt1\w+ {2}0\.1 BTC/),
    });
    const wish = [...to, '--leave', quarantined, '--out', file('sweep.json')];
    expect(await bulkhead('recover', 'propose', ...known(), ...bitcoin(), ...as('olivia'), ...wish)).toMatchObject({
      status: 0,
    });
    await bulkhead('recover', 'approve', ...known(), ...as('omar'), '--request', file('sweep.json'));
    const early = await sweep('sweep.json', 'tokens-3.json', bitcoin());
    expect(early).toMatchObject({ status: 1, output: expect.stringContaining('approval.quorum-not-met') });
  });

  it('sweeps the Bitcoin wallet with the tokens of two signers, but for a coin that is to be left', async () => {
    await bulkhead('recover', 'approve', ...known(), ...as('oskar'), '--request', file('sweep.json'));
    const [a, b, c] = places();
    writeFileSync(file('two.json'), JSON.stringify([a, { ...b, profileFile: 'lost.json' }, c]));
    const sent = await sweep('sweep.json', 'two.json', bitcoin());
    expect(sent.output).toMatch(/signer-b: \S+lost\.json cannot be read: there is no such file/);
    expect(sent).toMatchObject({ status: 0, output: expect.stringContaining('signed by signer-a, signer-c') });
    const txid = /sent as ([0-9a-f]{64})/.exec(sent.output)![1]!;
    await stack.bitcoind.faucet.mine(1);
    expect(await stack.bitcoind.rpc.call('getrawtransaction', txid, true)).toMatchObject({
      confirmations: 1,
      vout: [{ scriptPubKey: { address: scene.alphaBitcoinDestination } }],
    });
    const shown = await bulkhead('recover', ...known(), ...bitcoin());
    expect(shown.output).toContain('holds 0.015 BTC in 1 coins');
  });

  it('lifts a freeze by its quorum, without the firm: until then a frozen wallet pays nothing', async () => {
    const wish = ['--wallet', 'alpha-eth', '--asset', 'ETH', '--to', scene.alphaEthereumDestination];
    const out = ['--ethereum', stack.anvil.url, '--out', file('frozen.json')];
    expect(await bulkhead('recover', 'propose', ...known(), ...as('olivia'), ...wish, ...out)).toMatchObject({
      status: 1,
      output: expect.stringContaining('charter.frozen'),
    });
    writeFileSync(file('act.json'), JSON.stringify({ kind: 'unfreeze', scope: { of: 'wallet', wallet: 'alpha-eth' } }));
    const entry = ['--entry', file('entry.json')];
    const proposed = ['--act', file('act.json'), '--out', file('entry.json')];
    await bulkhead('recover', 'propose-act', ...known(), ...as('olivia'), ...proposed);
    await bulkhead('recover', 'approve-act', ...known(), ...as('omar'), ...entry);
    const thawed = file('thawed.kit');
    const early = await bulkhead('recover', 'enact', ...known(), ...entry, '--out', thawed);
    expect(early).toMatchObject({ status: 1, output: expect.stringContaining('approval.quorum-not-met') });
    await bulkhead('recover', 'approve-act', ...known(), ...as('carla'), ...entry);
    expect(await bulkhead('recover', 'enact', ...known(), ...entry, '--out', thawed)).toMatchObject({ status: 0 });
    kit = thawed;
  });

  it('needs as many tokens as the wallet’s threshold', async () => {
    const [a] = places();
    writeFileSync(file('one.json'), JSON.stringify([a]));
    const request = await proposedSafeSweep();
    expect(await sweep(request, 'one.json', [])).toMatchObject({
      status: 1,
      output: expect.stringContaining('1 tokens can sign for alpha-eth, and 2 are needed'),
    });
  });

  it('leaves out each token that it cannot use, and says why', async () => {
    const [a, b, c] = places();
    const request = await proposedSafeSweep();
    writeFileSync(file('open-pin'), readFileSync(b.pinFile), { mode: 0o644 });
    for (const [unusable, reason] of [
      [{ ...b, env: {} }, /signer-b: The PKCS#11 module of SoftHSM 2 needs SOFTHSM2_CONF/],
      [{ ...b, pinFile: 'lost' }, /signer-b: .*PIN file \S+lost cannot be opened \(ENOENT\)/],
      [{ ...b, pinFile: 'open-pin' }, /signer-b: .*only its owner may read: run chmod 600 on it/],
    ] as const) {
      writeFileSync(file('some.json'), JSON.stringify([a, unusable, c]));
      const signed = await sweep(request, 'some.json', []);
      expect(signed).toMatchObject({ status: 0, output: expect.stringMatching(reason) });
      expect(signed.output).toMatch(/signed by signer-a, signer-c\nto be sent by any account/);
    }
  });

  it('has the next token sign when one refuses', async () => {
    const [a, b, c] = places();
    const profile = pkcs11ProfileSchema.parse(JSON.parse(readFileSync(file('signer-a.json'), 'utf8')));
    const shim = shimOver({ profile, env: a.env }, bench);
    writeFileSync(file('shim.json'), JSON.stringify(shim.profile));
    writeFileSync(file('ill.json'), JSON.stringify([{ ...a, profileFile: 'shim.json', env: shim.env }, b, c]));
    const request = await proposedSafeSweep();
    shim.inflict(`C_Sign error ${CKR.FUNCTION_FAILED}`);
    const signed = await sweep(request, 'ill.json', []);
    expect(signed).toMatchObject({ status: 0, output: expect.stringContaining('signed by signer-b, signer-c') });
    expect(signed.output).toContain('signer-a: the token does not sign');
  });

  it('sweeps the Safe, a part first and then the rest, whoever pays the gas', async () => {
    const [, payer] = stack.anvil.accounts;
    const before = await ether(scene.alphaEthereumDestination);
    for (const [part, paid] of [
      [['--amount', '0.5'], parseEther('0.5')],
      [[], DEPOSIT_WEI],
    ] as const) {
      const request = await proposedSafeSweep(part);
      const sent = await sweep(request, 'tokens-3.json', ['--ethereum', stack.anvil.url, '--send-from', payer!]);
      expect(sent).toMatchObject({ status: 0, output: expect.stringContaining('executed by') });
      expect((await ether(scene.alphaEthereumDestination)) - before).toBe(paid);
    }
  });

  function places() {
    const all = JSON.parse(readFileSync(file('tokens-3.json'), 'utf8')) as TokenPlace[];
    return all as [TokenPlace, TokenPlace, TokenPlace];
  }

  function houseWallet(): Wallet {
    const entries = JSON.parse(readFileSync(file('entries.json'), 'utf8')) as CharterEntry[];
    const opened = entries.flatMap(({ intent }) => (intent.act.kind === 'wallet.open' ? [intent.act.wallet] : []));
    return opened.find(({ id }) => id === 'house-btc')!;
  }

  const sweep = (request: string, tokens: string, nodes: readonly string[]): Promise<Ran> =>
    bulkhead('recover', 'sweep', ...known(), '--request', file(request), '--tokens', file(tokens), ...nodes);

  const ether = async (account: string): Promise<bigint> =>
    BigInt(await stack.anvil.rpc.call<string>('eth_getBalance', account, 'latest'));

  async function proposedSafeSweep(part: readonly string[] = []): Promise<string> {
    const to = ['--wallet', 'alpha-eth', '--asset', 'ETH', '--to', scene.alphaEthereumDestination];
    const nodes = ['--ethereum', stack.anvil.url];
    const out = [...part, '--out', file('safe.json')];
    expect(await bulkhead('recover', 'propose', ...known(), ...nodes, ...as('olivia'), ...to, ...out)).toMatchObject({
      status: 0,
    });
    for (const member of ['omar', 'oskar']) {
      await bulkhead('recover', 'approve', ...known(), ...as(member), '--request', file('safe.json'));
    }
    return 'safe.json';
  }
});
