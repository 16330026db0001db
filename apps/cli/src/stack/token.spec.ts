import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layoutOf } from './layout.js';
import { initToken } from './token.js';

describe('a token of the stack', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bulkhead-token-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('is the same at the next start, without asking its module, and another one once its folder is gone', async () => {
    const layout = layoutOf(root);
    const made = await initToken('signer-a', layout);
    expect(await initToken('signer-a', layout)).toEqual(made);
    const remembered = join(layout.token('signer-a'), 'made.json');
    const kept = readFileSync(remembered, 'utf8');
    writeFileSync(remembered, kept.replace(made.serial, 'a serial that only this file knows'));
    expect((await initToken('signer-a', layout)).serial).toBe('a serial that only this file knows');
    rmSync(layout.token('signer-a'), { recursive: true });
    expect((await initToken('signer-a', layout)).serial).not.toBe(made.serial);
  }, 60_000);

  it('is not taken to be there when another token is in its place, or its PINs are gone', async () => {
    const layout = layoutOf(root);
    const [a, b] = [layout.token('signer-a'), layout.token('signer-b')];
    const made = await initToken('signer-a', layout);
    const other = await initToken('signer-b', layout);
    const aside = join(root, 'aside');
    renameSync(join(a, 'tokens'), aside);
    renameSync(join(b, 'tokens'), join(a, 'tokens'));
    mkdirSync(join(b, 'tokens'));
    const now = await initToken('signer-a', layout);
    expect([made.serial, other.serial]).not.toContain(now.serial); // asked, the module found none of this label
    rmSync(join(a, 'pin'));
    await expect(initToken('signer-a', layout)).rejects.toThrow(/PIN files do not/);
  }, 60_000);
});
