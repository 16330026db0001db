import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryHash, type CharterEntry, type CharterState, type MpcWallet, type SafeWallet } from '@bulkhead/charter';
import { openKit, readTranscript, verifyTranscript, type FinishedCeremony } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { orchestratorUrl } from '../../apps/cli/src/bulkhead.js';
import { developmentTranscript, spareFile } from '../../apps/cli/src/ceremony/development.js';
import { peopleOfFolder } from '../../apps/cli/src/ceremony/people.js';
import { workplaceOf } from '../../apps/cli/src/operator/workplace.js';
import { LiveFirm } from '../../apps/cli/src/rotation/live-firm.js';
import { rotate } from '../../apps/cli/src/rotation/rotate-command.js';
import { readGenesis } from '../../apps/cli/src/setup/genesis.js';
import { Bulkhead } from '../support/bulkhead.js';
import { peopleElsewhere } from '../support/people-elsewhere.js';
import { bulkheadWith, type Ran } from '../support/run-bulkhead.js';

jest.setTimeout(600_000);

const ether = 10n ** 18n;

/**
 * A firm at work. Its signer-b is suspected and up; in the midst of it its process and token go, too. Whoever rotates has
 * the devices of an operator and of an engineer, who start things; the others approve from wherever they are.
 */
describe('a rotation on a firm that runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-rotate-'));
  const lines: string[] = [];
  let bulkhead: Bulkhead;
  let firmFile: string;
  let firm: LiveFirm;
  let last: Ran;
  let elsewhere: readonly string[];
  let before: CharterState;
  let after: CharterState;
  let record: FinishedCeremony;

  const wish = { lost: 'signer-b', spare: 'signer-d', reason: 'drill', out: folder };
  const signersOf = (state: CharterState, id: string) => state.wallets.get(id)!.keys.map(({ signer }) => signer);
  const factsOf = (step: string) => record.signed.find(({ id }) => id === step)!.facts;
  const wallets = ['alpha', 'beta'];

  /** Rotates until it comes to a step, where somebody pulls the plug. @returns the record so far */
  async function rotateUntil(step: string): Promise<string> {
    firm = new LiveFirm(workplaceOf(firmFile), (line) => {
      lines.push(line);
      if (line.includes(step)) throw new Error('unplugged');
    });
    await expect(rotate(firm, wish, roles())).rejects.toThrow('unplugged');
    return readFileSync(join(folder, 'rotation-signer-b-signer-d.jsonl'), 'utf8');
  }
  const roles = () => ({
    rota: [{ performer: 'oskar', witness: 'carla' }],
    people: peopleOfFolder(bulkhead.stack.layout.members),
  });
  /** The file of somebody who has the devices of these members here. */
  function writeFirmFile(members: readonly string[]): string {
    const file = join(folder, 'firm.json');
    const { layout } = bulkhead.stack;
    const devices = members.map((member) => ({
      member,
      key: `${member}-1`,
      keyFile: join(layout.members, `${member}.pem`),
      tokenFile: join(layout.members, `${member}.token`),
    }));
    const spare = JSON.parse(readFileSync(spareFile(layout), 'utf8')) as object;
    const ceremonies = [developmentTranscript(layout)];
    const firmHash = entryHash(readGenesis(layout.genesis));
    writeFileSync(
      file,
      JSON.stringify({ url: orchestratorUrl(bulkhead.stack), firm: firmHash, devices, ceremonies, spare }),
    );
    return file;
  }
  const signedIn = (half: string) => orThrow(readTranscript(half)).transcript!.signed.map(({ id }) => id);

  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ spare: true, clock: true });
    const { cast, stack } = bulkhead;
    const { alphaSafe, betaSafe, treasury, treasuryAddress } = await bulkhead.setTheScene();
    await cast.openMpcWallet('alpha', 'alpha-tap');
    await bulkhead.fundBitcoin('alpha-tap', [400_000n]);
    await bulkhead.fundBitcoin('alpha-btc', [50_000_000n, 20_000_000n]);
    await bulkhead.fundBitcoin('beta-btc', [30_000_000n]);
    // house money in a client's wallet is held apart
    await stack.bitcoind.faucet.pay(treasuryAddress, 20_000_000n);
    await bulkhead.mine();
    await treasury.call('sendtoaddress', await cast.freshAddress('beta-btc'), '0.05');
    await bulkhead.mine();
    for (const safe of [alphaSafe, betaSafe]) await bulkhead.fundEther(safe, 2n * ether);
    firmFile = writeFirmFile(['olivia', 'erika']);
    before = await new LiveFirm(workplaceOf(firmFile), () => undefined).charter();
    const { client, omar, oskar, carla } = cast;
    const sendHome = peopleElsewhere({ client, acts: [omar, carla], transfers: [omar, oskar] });

    const begun = await rotateUntil('swap:alpha-eth');
    expect(signedIn(begun)).toEqual(['suspend:signer-b', 'loss:signer-b', 'enrol:signer-d', 'replace:alpha-eth']);
    expect(verifyTranscript(begun)).toMatchObject({ refusal: { code: 'ceremony.incomplete' } });
    expect(signedIn(await rotateUntil('sweep:beta-btc')).slice(-2)).toEqual(['close:alpha-btc', 'open:beta-btc']);
    await stack.part('signer-b').stop();
    rmSync(stack.layout.token('signer-b'), { recursive: true, force: true });
    const people = ['--performer', 'oskar', '--witness', 'carla', '--keys', stack.layout.members];
    const typed = ['rotate', '--suspected', 'signer-b', '--reason', 'drill', '--out', folder, ...people];
    last = await bulkheadWith({ BULKHEAD_FIRM: firmFile }, ...typed);
    elsewhere = await sendHome();
    record = orThrow(verifyTranscript(readFileSync(join(folder, 'rotation-signer-b-signer-d.jsonl'), 'utf8')));
    after = await firm.charter();
  });
  afterAll(async () => {
    await bulkhead.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('goes on where it was interrupted, and leaves one record, signed step by step', () => {
    const ids = record.signed.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.slice(0, 3)).toEqual(['suspend:signer-b', 'loss:signer-b', 'enrol:signer-d']);
    expect(ids.slice(-3)).toEqual(['retire:signer-b', 'reconciliation', 'kits']);
    expect(record.firm).toBe(firm.workplace.firm);
    expect(record.opened.mode).toBe('rehearsal');
    expect(factsOf('enrol:signer-d')['token serial']).toBe(bulkhead.stack.tokens['signer-d'].serial);
  });

  it('waits for people who approve elsewhere, and says what it waits for', async () => {
    expect(last).toMatchObject({ status: 0 });
    expect(last.output).toMatch(
      /signer\.retire still needs: .+\n {2}npx bulkhead charter approve [0-9a-f-]{36} --as <member>/,
    );
    expect(last.output).toMatch(/transfer [0-9a-f-]{36} waits for approvals until /);
    expect(elsewhere).toEqual(expect.arrayContaining(['omar: key.suspend', 'carla: signer.enrol']));
    expect(elsewhere).toEqual(expect.arrayContaining(['omar: OWNER_SWAP of alpha-eth', 'oskar: PAYMENT of beta-btc']));
    const entries = await bulkhead.get<{ entry: CharterEntry }[]>('/v1/charter/entries?limit=500');
    const enrolled = entries.map(({ entry }) => entry.intent).find(({ act }) => act.kind === 'signer.enrol');
    expect(enrolled?.initiator).toBe('erika');
  });

  it('suspends every key of the suspected signer first, which signs nothing from then on, though it is up', async () => {
    const suspended = ['alpha-btc', 'alpha-eth', 'alpha-tap', 'beta-btc', 'beta-eth', 'house-btc'];
    expect(Object.keys(factsOf('suspend:signer-b'))).toEqual(
      expect.arrayContaining(suspended.map((id) => `key of ${id}`)),
    );
    const signed = await bulkhead.query<{ signer: string; signatures: string }>(
      'select signer, count(*) as signatures from transfer_signature group by signer order by signer',
    );
    // two swaps and the sweeps of two clients, and of the house
    expect(signed.map(({ signer }) => signer)).toEqual(['signer-a', 'signer-c']);
  });

  it('leaves each Safe at its address, with one owner exchanged', () => {
    for (const id of wallets.map((owner) => `${owner}-eth`)) {
      const [old, now] = [before.wallets.get(id) as SafeWallet, after.wallets.get(id) as SafeWallet];
      expect(now.address).toBe(old.address);
      expect(signersOf(after, id)).toEqual(['signer-a', 'signer-d', 'signer-c']);
      expect(factsOf(`swap:${id}`).transaction).toMatch(/^0x[0-9a-f]{64}$/);
    }
    expect(after.replacements.size).toBe(0);
  });

  it('moves all that the Bitcoin wallets held to wallets of which the lost token has no key', () => {
    for (const id of wallets.map((owner) => `${owner}-btc`)) {
      expect(signersOf(after, `${id}-r2`)).toEqual(['signer-a', 'signer-d', 'signer-c']);
      expect(after.frozen.has(`wallet:${id}`)).toBe(true);
      const held = Object.entries(factsOf('reconciliation')).filter(([name]) => name.startsWith(id));
      const holding = held.filter(([, balance]) => !balance.startsWith('0 ')).map(([name]) => name.split(' ')[0]);
      // what is in quarantine is not the client's to move
      expect(holding).toEqual(id === 'beta-btc' ? ['beta-btc', 'beta-btc-r2'] : [`${id}-r2`]);
    }
    expect(factsOf('sweep:alpha-btc').left).toBe('nothing');
    expect(factsOf('sweep:beta-btc').left).toBe(`5000000 ${bulkhead.cast.btc} (5000000 in quarantine, 0 unconfirmed)`);
  });

  it('deals the shares of an MPC wallet to the spare in the place of the lost signer, at the same address', () => {
    const [old, now] = [before.wallets.get('alpha-tap') as MpcWallet, after.wallets.get('alpha-tap') as MpcWallet];
    expect(now.address).toBe(old.address);
    expect(signersOf(after, 'alpha-tap')).toEqual(['signer-a', 'signer-c', 'signer-d']);
    expect(factsOf('loss:signer-b')['MPC wallets']).toBe('alpha-tap');
    expect(factsOf('release:alpha-tap')['old shares destroyed at']).toBe('signer-a, signer-c, signer-d');
  });

  it('retires the lost signer, and writes kits that open and name the new token', () => {
    expect(after.signers.get('signer-b')!.retired).toBe(true);
    const { kit } = orThrow(openKit(readFileSync(join(folder, 'alpha.kit.json'), 'utf8'), firm.workplace.firm));
    const holder = kit.holders.find(({ signer }) => signer === 'signer-d');
    expect(holder?.tokenSerial).toBe(bulkhead.stack.tokens['signer-d'].serial);
    expect(kit.wallets.find(({ id }) => id === 'alpha-eth')!.keys.map(({ signer }) => signer)).toContain('signer-d');
  });

  it('leaves a firm that pays: the new signer signs with another when the third is away', async () => {
    const { cast, stack } = bulkhead;
    await stack.part('signer-c').stop();
    const all = await bulkhead.get<{ chain: string; address: string }[]>('/v1/destinations?owner=alpha');
    const bitcoinPayee = all.find(({ chain }) => chain.startsWith('bip122'))!.address;
    const payees = [
      ['alpha-eth', cast.eth, all.find(({ chain }) => chain.startsWith('eip155'))!.address, ether / 10n, 0n],
      ['alpha-btc-r2', cast.btc, bitcoinPayee, 100_000n, 50_000n],
    ] as const;
    for (const [wallet, asset, to, amount, maxFee] of payees) {
      const { id } = await bulkhead.pay({ owner: 'alpha', wallet, asset, to, amount, maxFee });
      const rows = await bulkhead.query<{ signer: string }>(
        'select signer from transfer_signature where transfer = $1 order by signer',
        id,
      );
      expect(rows.map(({ signer }) => signer)).toEqual(['signer-a', 'signer-d']);
    }
    const wish = { owner: 'alpha', wallet: 'alpha-tap', asset: cast.btc, to: bitcoinPayee, maxFee: 50_000n };
    expect(await bulkhead.pay({ ...wish, amount: 100_000n })).toMatchObject({ state: 'SETTLED' });
  });

  it('is a place from which every other command works, too, as far as those go who are there', async () => {
    const run = (...typed: readonly string[]) => bulkheadWith({ BULKHEAD_FIRM: firmFile }, ...typed);
    const { output } = await run('keys', 'list', '--wallet', 'alpha-eth');
    expect(output).toContain(bulkhead.stack.tokens['signer-d'].serial);
    const frozen = await run('freeze', 'owner:beta', '--reason', 'drill');
    expect(frozen.status).toBe(1);
    expect(frozen.output).toMatch(
      /owner:beta is not frozen yet: .+[^]*npx bulkhead charter approve [0-9a-f-]{36} --as/,
    );
    expect((await run('balances', '--as', 'omar')).output).toMatch(/device of "omar" is not here/);
  });
});
