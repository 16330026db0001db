import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memberKeySchema, p256PublicKey } from '@bulkhead/approval';
import { jest } from '@jest/globals';
import { bulkhead, startBulkheadAtTerminal, type Ran } from '../support/run-bulkhead.js';

jest.setTimeout(60_000);

describe('a member’s own key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-member-key-'));
  const file = (name: string): string => join(folder, name);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const make = (name: string, ...more: readonly string[]): string[] =>
    ['member-key', 'new', '--id', 'olivia-cold', '--out', file(name)].concat(more);

  /** At a terminal of its own, typing each word at the next question. */
  async function typing(name: string, words: readonly string[]): Promise<Ran> {
    const terminal = startBulkheadAtTerminal(make(name, '--passphrase'));
    const waiting = [...words];
    let [output, heard] = ['', 0];
    terminal.stdout?.on('data', (chunk: Buffer) => {
      output += String(chunk);
      const asked = /(?:bytes at least|once more): /g;
      asked.lastIndex = heard;
      if (!asked.exec(output)) return;
      heard = asked.lastIndex;
      terminal.stdin?.write(`${waiting.shift() ?? ''}\r`);
    });
    const [status] = (await once(terminal, 'close')) as [number];
    return { status, output };
  }

  it('is made in a file of its owner’s, and its public key printed as the charter wants it', async () => {
    const { status, output } = await bulkhead(...make('plain.pem'));
    expect(status).toBe(0);
    const key = memberKeySchema.parse(JSON.parse(output));
    const publicKey = p256PublicKey(readFileSync(file('plain.pem'), 'utf8'));
    expect(key).toEqual({ id: 'olivia-cold', scheme: 'p256', publicKey });
    expect(statSync(file('plain.pem')).mode & 0o777).toBe(0o600);
  });

  it('is never overwritten', async () => {
    const before = readFileSync(file('plain.pem'));
    expect(await bulkhead(...make('plain.pem'))).toMatchObject({
      status: 1,
      output: expect.stringContaining('plain.pem is there already'),
    });
    expect(readFileSync(file('plain.pem'))).toEqual(before);
  });

  it('is encrypted under a passphrase that is typed twice, unseen', async () => {
    const passphrase = 'correct horse battery';
    const { status, output } = await typing('cold.pem', [passphrase, passphrase]);
    expect(status).toBe(0);
    expect(output).not.toContain(passphrase);
    const pem = readFileSync(file('cold.pem'), 'utf8');
    expect(() => createPrivateKey(pem)).toThrow();
    expect(output).toContain(p256PublicKey(createPrivateKey({ key: pem, passphrase })));
  });

  it.each([
    ['differ', ['correct horse battery', 'correct horse batter'], 'The two passphrases differ'],
    ['are short', ['short', 'short'], 'The passphrase is too short'],
  ])('is not kept when the passphrases %s', async (_what, words, said) => {
    expect(await typing('none.pem', words)).toMatchObject({ status: 1, output: expect.stringContaining(said) });
    expect(existsSync(file('none.pem'))).toBe(false);
  });

  it('takes no passphrase where there is no terminal', async () => {
    expect(await bulkhead(...make('none.pem', '--passphrase'))).toMatchObject({
      status: 1,
      output: expect.stringContaining('typed at a terminal'),
    });
    expect(existsSync(file('none.pem'))).toBe(false);
  });
});
