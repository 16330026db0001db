import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKit, verifyTranscript, type FinishedCeremony, type OpenedKit } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { rotationDrill } from '../../apps/cli/src/rotation/drill.js';

jest.setTimeout(600_000);

describe('the drill of a lost token', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-rotation-'));
  const lines: string[] = [];
  let record: FinishedCeremony;
  let kit: OpenedKit;
  const factsOf = (step: string): Readonly<Record<string, string>> =>
    record.signed.find(({ id }) => id === step)!.facts;

  beforeAll(async () => {
    const file = await rotationDrill(folder, (line) => lines.push(line));
    record = orThrow(verifyTranscript(readFileSync(file, 'utf8')));
    kit = orThrow(openKit(readFileSync(join(folder, 'alpha.kit.json'), 'utf8'), record.firm));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('leaves a record of every step, signed by its performer and its witness', () => {
    expect(record.signed.map(({ id }) => id)).toEqual([
      'loss:signer-b',
      'token:signer-b',
      ...['alpha-btc', 'alpha-eth'].flatMap((wallet) => [`open:${wallet}`, `sweep:${wallet}`, `close:${wallet}`]),
      'reconciliation',
      'kits',
    ]);
    expect(record.genesis).toBeUndefined();
  });

  it('puts another token in the place of the lost one', () => {
    expect(factsOf('token:signer-b').serial).toMatch(/^[0-9a-f]+$/);
    expect(factsOf('token:signer-b').serial).not.toBe(factsOf('loss:signer-b')['token serial']);
    expect(kit.kit.holders.find(({ signer }) => signer === 'signer-b')?.tokenSerial).toBe(
      factsOf('token:signer-b').serial,
    );
    // without the charter's word the signer would sign nothing with it
    expect(kit.state.signers.get('signer-b')?.tokenSerial).toBe(factsOf('token:signer-b').serial);
  });

  it('moves everything to wallets of which the lost token has no key', () => {
    const old = kit.state.wallets.get('alpha-btc')!.keys.map(({ publicKey }) => publicKey);
    const now = kit.state.wallets.get('alpha-btc-r2')!.keys.map(({ publicKey }) => publicKey);
    expect(now.filter((key) => old.includes(key))).toEqual([]);
    const balances = Object.entries(factsOf('reconciliation')).filter(([name]) => name.startsWith('alpha-'));
    const holding = balances.filter(([, held]) => held !== '0 on both sides').map(([name]) => name.split(' ')[0]);
    expect(holding.sort()).toEqual(['alpha-btc-r2', 'alpha-eth-r2']);
  });

  it('freezes the wallets that were emptied, and writes a kit of what is now', () => {
    expect([...kit.state.frozen.keys()].sort()).toEqual(['wallet:alpha-btc', 'wallet:alpha-eth']);
    expect(factsOf('kits')['kit of alpha']).toBe(kit.hash);
    expect(lines.join('\n')).toContain('The token of signer-b is destroyed');
  });
});
