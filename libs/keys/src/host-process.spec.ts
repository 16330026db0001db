import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forkHost } from './host-process.js';

describe('a host process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-host-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('does not have our terminal, whose echo its end would switch on again', async () => {
    const entry = join(folder, 'waits.mjs');
    writeFileSync(entry, `process.send('here'); process.on('disconnect', () => process.exit());`);
    const host = forkHost(entry, {}, []);
    try {
      await once(host, 'message');
      const open = [0, 1, 2].map((descriptor) => readlinkSync(`/proc/${host.pid ?? ''}/fd/${descriptor}`));
      const ours = [1, 2].map((descriptor) => readlinkSync(`/proc/self/fd/${descriptor}`));
      expect(open.slice(0, 2)).toEqual(['/dev/null', '/dev/null']);
      expect(ours).not.toContain(open[2]);
    } finally {
      host.disconnect();
      await once(host, 'exit');
    }
  });
});
