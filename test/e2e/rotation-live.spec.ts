import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CharterState, MpcWallet, SafeWallet } from '@bulkhead/charter';
import { openKit, readTranscript, verifyTranscript, type FinishedCeremony } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { orchestratorUrl } from '../../apps/cli/src/bulkhead.js';
import { LiveFirm } from '../../apps/cli/src/rotation/live-firm.js';
import { rotate } from '../../apps/cli/src/rotation/rotate-command.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(600_000);

const ether = 10n ** 18n;

/** The development firm at work. Its signer-b is suspected and up; in the midst of it its process and token go, too. */
describe('a rotation on a firm that runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-rotate-'));
  const lines: string[] = [];
  let bulkhead: Bulkhead;
  let firm: LiveFirm;
  let before: CharterState;
  let after: CharterState;
  let record: FinishedCeremony;

  const wish = { lost: 'signer-b', spare: 'signer-d', reason: 'drill', out: folder };
  const signersOf = (state: CharterState, id: string) => state.wallets.get(id)!.keys.map(({ signer }) => signer);
  const factsOf = (step: string) => record.signed.find(({ id }) => id === step)!.facts;
  const wallets = ['alpha', 'beta'];

  /** Rotates until it comes to a step, where somebody pulls the plug. @returns the record so far */
  async function rotateUntil(step: string): Promise<string> {
    const unplugged = (line: string) => {
      lines.push(line);
      if (line.includes(step)) throw new Error('unplugged');
    };
    await expect(rotate(firm, wish, unplugged)).rejects.toThrow('unplugged');
    return readFileSync(join(folder, 'rotation-signer-b-signer-d.jsonl'), 'utf8');
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
    firm = new LiveFirm(stack.layout, orchestratorUrl(stack));
    before = await firm.charter();

    const begun = await rotateUntil('swap:alpha-eth');
    expect(signedIn(begun)).toEqual(['suspend:signer-b', 'loss:signer-b', 'enrol:signer-d', 'replace:alpha-eth']);
    expect(verifyTranscript(begun)).toMatchObject({ refusal: { code: 'ceremony.incomplete' } });
    expect(signedIn(await rotateUntil('sweep:beta-btc')).slice(-2)).toEqual(['close:alpha-btc', 'open:beta-btc']);
    await stack.part('signer-b').stop();
    rmSync(stack.layout.token('signer-b'), { recursive: true, force: true });
    const file = await rotate(firm, wish, (line) => lines.push(line));
    record = orThrow(verifyTranscript(readFileSync(file, 'utf8')));
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
    expect(record.firm).toBe(firm.firm);
    expect(factsOf('enrol:signer-d')['token serial']).toBe(bulkhead.stack.tokens['signer-d'].serial);
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
    const { kit } = orThrow(openKit(readFileSync(join(folder, 'alpha.kit.json'), 'utf8'), firm.firm));
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
});
