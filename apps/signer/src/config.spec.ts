import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, readPrivateFile } from './config.js';

const GOOD = {
  id: 'signer-a',
  listen: { host: '127.0.0.1', port: 7401 },
  door: { host: '127.0.0.1', port: 7411 },
  peers: [{ id: 'signer-b', url: 'https://127.0.0.1:7412' }],
  database: { urlFile: '/db' },
  firm: 'ab'.repeat(32),
  tls: { keyFile: '/key', certFile: '/cert', peers: [{ name: 'orchestrator', certFile: '/peer' }] },
  token: { profileFile: '/profile', label: 'signer-a', pinFile: '/pin' },
};

describe('a signer’s configuration', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-config-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const read = (config: unknown) => {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(config));
    return readConfig(file);
  };

  it('is taken with what may be left out', () => {
    expect(read(GOOD)).toMatchObject({ ...GOOD, logLevel: 'info', database: { poolSize: 10 }, token: { env: {} } });
  });

  it.each([
    ['an unknown field', { ...GOOD, pin: '1234' }, 'pin'],
    ['no pinned genesis', { ...GOOD, firm: undefined }, 'firm'],
    [
      'a limit that is no whole number',
      {
        ...GOOD,
        hardLimits: [{ asset: 'eip155:1/slip44:60', maxAmountPerTransfer: '1.5', maxAmountPerDay: '2' }],
      },
      'maxAmountPerTransfer',
    ],
    ['a peer without TLS', { ...GOOD, peers: [{ id: 'signer-b', url: 'http://127.0.0.1:7412' }] }, 'peers'],
    ['nobody who is let in', { ...GOOD, tls: { ...GOOD.tls, peers: [] } }, 'peers'],
  ])('is refused with %s, and the message says where', (_name, config, where) => {
    expect(() => read(config)).toThrow(where);
  });

  it('names secrets by files that only their owner may read', () => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'secret\n', { mode: 0o600 });
    expect(readPrivateFile(file)).toBe('secret');
    const open = join(folder, 'open');
    writeFileSync(open, 'secret\n', { mode: 0o640 });
    expect(() => readPrivateFile(open)).toThrow('chmod 600');
  });
});
