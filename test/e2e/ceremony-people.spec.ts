import { createPrivateKey } from 'node:crypto';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { CeremonyTable } from '../support/ceremony-table.js';

jest.setTimeout(120_000);

const PASSPHRASE = 'correct horse battery';

describe('whoever signs at the terminal of a ceremony', () => {
  const table = new CeremonyTable();
  const stick = (name: string): string => join(table.keys, name);

  beforeAll(() => {
    const { olivia, carla } = table.members;
    const encrypted = createPrivateKey(carla.privateKeyPem).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: PASSPHRASE,
    });
    writeFileSync(stick('encrypted.pem'), encrypted, { mode: 0o600 });
    writeFileSync(stick('for-all.pem'), olivia.privateKeyPem);
    chmodSync(stick('for-all.pem'), 0o644);
    writeFileSync(stick('letter'), 'no key at all', { mode: 0o600 });
    symlinkSync(stick('olivia.pem'), stick('link.pem'));
  });
  afterAll(() => {
    table.clear();
  });

  it('is asked again for a file that is not there, not theirs, no key, or readable by others', async () => {
    const wrong = ['nowhere.pem', 'letter', 'for-all.pem', 'link.pem', 'carla.pem'].map(stick);
    const { status, output } = await table.typing([...wrong, `reject ${stick('omar.pem')}`, stick('olivia.pem'), '']);
    expect({ status, output }).toEqual({
      status: 1,
      output: expect.stringContaining('Step roles is not signed by its witness, carla.'),
    });
    for (const said of [
      'nowhere.pem cannot be read: there is no such file',
      'letter holds no P-256 or Ed25519 key',
      'for-all.pem must be a small file that only its owner may read',
      'link.pem cannot be read: it is a symbolic link',
      'carla.pem is not one of olivia',
      'omar.pem is not one of olivia',
      'performed by olivia',
    ])
      expect(output).toContain(said);
    expect(table.lines.filter((line) => line.includes('"kind":"signed"'))).toHaveLength(1);
  });

  it('types the passphrase of an encrypted key unseen, and once more when it is wrong', async () => {
    const key = stick('encrypted.pem');
    const { status, output } = await table.typing([key, 'not this one', key, PASSPHRASE, '']);
    expect({ status, output }).toEqual({
      status: 1,
      output: expect.stringContaining('Step tool is not signed by its performer, omar.'),
    });
    expect(output).toMatch(/The passphrase does not open \S+encrypted\.pem[^]*witnessed by carla/);
    for (const typed of [PASSPHRASE, 'not this one']) expect(output).not.toContain(typed);
  });

  it('is not asked for a passphrase where there is no terminal', async () => {
    const answers = [stick('encrypted.pem'), ''];
    const { status, output } = await table.atTerminal(() => answers.shift() ?? '');
    expect({ status, output }).toEqual({
      status: 1,
      output: expect.stringContaining('A passphrase is typed at a terminal'),
    });
    expect(output).toContain('Step tool is not signed by its performer, omar.');
  });
});
