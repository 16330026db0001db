import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMember } from '../../../../test/support/members.js';
import { workplaceOf } from './workplace.js';

describe('a firm file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-firm-file-'));
  const file = join(folder, 'firm.json');
  const sound = {
    url: 'https://custody.example/',
    firm: 'f0'.repeat(32),
    devices: [{ member: 'olivia', key: 'olivia-2', keyFile: 'olivia.pem', tokenFile: 'olivia.token' }],
  };
  const read = (changes: object = {}) => {
    writeFileSync(file, JSON.stringify({ ...sound, ...changes }));
    return workplaceOf(file);
  };
  beforeEach(() => {
    for (const [name, text] of [
      ['olivia.pem', makeMember('olivia', 'operator').privateKeyPem],
      ['olivia.token', 'secret\n'],
    ] as const) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o600);
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('names the firm, its API and the devices that are here, by paths beside it', () => {
    const here = read();
    expect(here).toMatchObject({ url: 'https://custody.example', firm: sound.firm, members: ['olivia'] });
    const device = here.device('olivia');
    expect(device).toMatchObject({ id: 'olivia', apiToken: 'secret' });
    const digest = sound.firm as never;
    const { statement } = device.say('APPROVE', { firm: digest, intent: digest, payload: digest, charterSequence: 1 });
    expect(statement).toMatchObject({ member: 'olivia', key: 'olivia-2' });
    expect(here.development).toBeUndefined();
  });

  it('plays nobody whose device is not here, and knows no spare signer that it does not name', () => {
    expect(() => read().device('omar')).toThrow(/device of "omar" is not here.*olivia/);
    expect(() => read().spare()).toThrow(/names no signer that stands by/);
    const spare = { id: 'signer-d', tlsFingerprint: 'ab'.repeat(32), tokenSerial: '0123456789abcdef' };
    expect(read({ spare }).spare()).toEqual(spare);
    expect(read().holders()).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['sends tokens in the clear', { url: 'http://custody.example' }, /https only/],
    ['has an address that is none', { url: 'custody.example' }, /is not a description of a firm.*\n?.*url/s],
    ['names no firm', { firm: 'f0' }, /firm/],
    ['has nobody', { devices: [] }, /devices/],
    ['says what nobody knows', { policy: 'allow' }, /policy/],
  ])('is refused when it %s', (_, changes, why) => {
    expect(() => read(changes)).toThrow(why);
  });

  it('may name an API within this machine without https', () => {
    for (const url of ['http://127.0.0.1:7400', 'http://localhost:7400', 'http://[::1]:7400'])
      expect(read({ url }).url).toBe(url);
  });

  it.each<[string, () => void]>([
    [
      'others can read',
      () => {
        chmodSync(join(folder, 'olivia.token'), 0o640);
      },
    ],
    [
      'is a symbolic link',
      () => {
        rmSync(join(folder, 'olivia.token'));
        symlinkSync(join(folder, 'olivia.pem'), join(folder, 'olivia.token'));
      },
    ],
    [
      'is not there',
      () => {
        rmSync(join(folder, 'olivia.token'));
      },
    ],
  ])('takes no secret from a file that %s', (_, spoil) => {
    spoil();
    expect(() => read().device('olivia')).toThrow(/olivia\.token (must be a small file|cannot be read)/);
    rmSync(join(folder, 'olivia.token'), { force: true });
  });

  it('must be JSON', () => {
    writeFileSync(file, '{');
    expect(() => workplaceOf(file)).toThrow(/is not JSON/);
    expect(() => workplaceOf(join(folder, 'none.json'))).toThrow(/cannot be read: there is no such file/);
  });
});
