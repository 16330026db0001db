import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { EventEmitter, once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostSupervisor, type HostState } from './host-supervisor.js';
import { PinTries } from './pin-tries.js';
import { pkcs11ProfileSchema } from './profile.js';

const entry = join(import.meta.dirname, '..', '..', '..', 'test', 'support', 'fake-module-host.mjs');
const profile = pkcs11ProfileSchema.parse({
  ...{ name: 'fake', libraries: ['/none'], environment: [], curveOid: '06052b8104000a', ecPoint: 'raw' },
  mechanisms: { generateKeyPair: 'CKM_EC_KEY_PAIR_GEN', sign: 'CKM_ECDSA' },
});

describe('a module host that ends while nobody asks it for anything', () => {
  let folder: string;
  let clockMs: number;
  let supervisor: HostSupervisor;
  let events: string[];
  const states = new EventEmitter<{ [State in HostState['state']]: [] }>();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-supervisor-'));
    const pinFile = join(folder, 'pin');
    writeFileSync(pinFile, 'PIN', { mode: 0o600 });
    const pinTriesFile = join(folder, 'tries');
    clockMs = 0;
    events = [];
    supervisor = new HostSupervisor(
      {
        entry,
        environment: {},
        order: { profile, tokenLabel: 'fake', workers: 1, pinTriesFile },
        pinFile,
        pinTries: new PinTries(pinTriesFile),
        startTimeoutMs: 30_000,
        onEvent: ({ event }) => events.push(event),
        nowMs: () => clockMs,
      },
      { changed: ({ state }) => states.emit(state), replied: () => undefined },
    );
  });
  afterEach(async () => {
    await supervisor.close();
    rmSync(folder, { recursive: true });
  });

  /** Starts, and has seven hosts end, each after it was ready for so long. */
  async function sevenEnd(readyForMs: number): Promise<void> {
    let ready = once(states, 'ready');
    supervisor.start();
    for (let count = 0; count < 7; count += 1) {
      await ready;
      ready = once(states, 'ready');
      clockMs += readyForMs;
      supervisor.kill();
    }
    await ready;
  }

  it('does not open the circuit where each lasted a minute', async () => {
    await sevenEnd(60_000);
    expect(events).not.toContain('circuit-open');
    expect(supervisor.isOnTrial).toBe(false);
  }, 60_000);

  it('opens the circuit where they follow upon each other', async () => {
    await sevenEnd(59_999);
    expect(events).toContain('circuit-open');
    expect(supervisor.isOnTrial).toBe(true);
  }, 60_000);
});
