import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CharterState, SafeWallet } from '@bulkhead/charter';
import { openKit, readTranscript, verifyTranscript, type FinishedCeremony } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { orchestratorUrl } from '../../apps/cli/src/bulkhead.js';
import { LiveFirm } from '../../apps/cli/src/rotation/live-firm.js';
import { rotate } from '../../apps/cli/src/rotation/rotate-command.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(600_000);

const ether = 10n ** 18n;

/** The development firm at work, whose signer-b is lost: its process is gone, and its token with it. */
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

  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ spare: true, clock: true });
    const { stack } = bulkhead;
    const { alphaSafe, betaSafe } = await bulkhead.setTheScene();
    await bulkhead.fundBitcoin('alpha-btc', [50_000_000n, 20_000_000n]);
    await bulkhead.fundBitcoin('beta-btc', [30_000_000n]);
    for (const safe of [alphaSafe, betaSafe]) await bulkhead.fundEther(safe, 2n * ether);
    firm = new LiveFirm(stack.layout, orchestratorUrl(stack));
    before = await firm.charter();
    await stack.part('signer-b').stop();
    rmSync(stack.layout.token('signer-b'), { recursive: true, force: true });

    // somebody pulls the plug in the midst of it: once the charter has named the new key of the first Safe
    const unplugged = (line: string) => {
      lines.push(line);
      if (line.includes('swap:alpha-eth')) throw new Error('unplugged');
    };
    await expect(rotate(firm, wish, unplugged)).rejects.toThrow('unplugged');
    const half = readFileSync(join(folder, 'rotation-signer-b-signer-d.jsonl'), 'utf8');
    expect(orThrow(readTranscript(half)).transcript!.signed.map(({ id }) => id)).toEqual([
      'loss:signer-b',
      'enrol:signer-d',
      'replace:alpha-eth',
    ]);
    expect(verifyTranscript(half)).toMatchObject({ refusal: { code: 'ceremony.incomplete' } });
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
    expect(ids.slice(0, 2)).toEqual(['loss:signer-b', 'enrol:signer-d']);
    expect(ids.slice(-3)).toEqual(['retire:signer-b', 'reconciliation', 'kits']);
    expect(record.firm).toBe(firm.firm);
    expect(factsOf('enrol:signer-d')['token serial']).toBe(bulkhead.stack.tokens['signer-d'].serial);
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
      expect(holding).toEqual([`${id}-r2`]);
    }
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
    const payees = [
      ['alpha-eth', cast.eth, all.find(({ chain }) => chain.startsWith('eip155'))!.address, ether / 10n, 0n],
      ['alpha-btc-r2', cast.btc, all.find(({ chain }) => chain.startsWith('bip122'))!.address, 100_000n, 50_000n],
    ] as const;
    for (const [wallet, asset, to, amount, maxFee] of payees) {
      const { id } = await bulkhead.pay({ owner: 'alpha', wallet, asset, to, amount, maxFee });
      const rows = await bulkhead.query<{ signer: string }>(
        'select signer from transfer_signature where transfer = $1 order by signer',
        id,
      );
      expect(rows.map(({ signer }) => signer)).toEqual(['signer-a', 'signer-d']);
    }
  });
});
