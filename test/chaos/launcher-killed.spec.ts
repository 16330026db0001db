import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { findBitcoind } from '#bootstrap/bitcoind.mjs';
import { stillRuns, type ProcessIdentity } from '#bootstrap/process-identity.mjs';
import { projectFolder } from '#bootstrap/project.mjs';
import { ApiClient } from '../../apps/cli/src/api/api-client.js';
import { developmentDevice } from '../../apps/cli/src/members/development-members.js';
import { freePorts, layoutOf, PART_NAMES, PORT_NAMES, type Ports } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';

jest.setTimeout(150_000); // whole stacks of real processes on a busy machine

/** A clone of the project, built, with a state folder of its own. */
const clone = mkdtempSync(join(tmpdir(), 'bulkhead-clone-'));
const layout = layoutOf(join(clone, '.bulkhead'));
let ports: Ports;
const launchers: ChildProcess[] = [];

beforeAll(async () => {
  ports = await freePorts();
  for (const part of [
    'package.json',
    'dist',
    'hsm-config',
    'apps/cli/bin',
    'apps/cli/bootstrap',
    'package-lock.json',
  ]) {
    cpSync(join(projectFolder, part), join(clone, part), { recursive: true });
  }
  symlinkSync(join(projectFolder, 'node_modules'), join(clone, 'node_modules'));
});
afterAll(async () => {
  for (const launcher of launchers) if (launcher.exitCode === null) launcher.kill('SIGTERM');
  await until('the end of all', () => Promise.resolve(alive().length === 0 ? true : undefined));
  rmSync(clone, { recursive: true, force: true });
});

/** `bulkhead up` in the clone, and what it has said so far. */
function up(): {
  launcher: ChildProcess;
  said: () => string;
  says: (what: string) => Promise<true>;
  ended: Promise<number | null>;
} {
  const options = PORT_NAMES.flatMap((part) => [`--port-${part}`, String(ports[part])]);
  const launcher = spawn(process.execPath, ['dist/apps/cli/main.js', 'up', ...options], {
    cwd: clone,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, BITCOIND: findBitcoind() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  launchers.push(launcher);
  let text = '';
  for (const stream of [launcher.stdout, launcher.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
  const ended = once(launcher, 'exit').then(([code]) => code as number | null);
  const says = (what: string) =>
    until(`"${what}" (so far: ${text.slice(-300)})`, () => {
      if (launcher.exitCode !== null && !text.includes(what)) throw new Error(`up ended without "${what}":\n${text}`);
      return Promise.resolve(text.includes(what) ? (true as const) : undefined);
    });
  return { launcher, said: () => text, says, ended };
}

/** Who runs below the clone: by the launcher's own records, and by what /proc shows. */
function recorded(): ProcessIdentity[] {
  const files = PART_NAMES.map((part) => layout.processFile(part)).filter((file) => existsSync(file));
  return files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity);
}
function alive(): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(clone);
    } catch {
      return false;
    }
  });
}

const nothingRuns = (processes: readonly ProcessIdentity[]): Promise<true> =>
  until('the end of every child', () =>
    Promise.resolve(processes.some(stillRuns) || alive().length > 0 ? undefined : (true as const)),
  );

async function owners(): Promise<string[]> {
  const api = new ApiClient(`http://127.0.0.1:${String(ports.orchestrator)}`);
  const { apiToken } = developmentDevice(layout.members, 'olivia');
  return (await api.get<{ id: string }[]>('/v1/owners', apiToken)).map(({ id }) => id);
}

describe('the launcher', () => {
  it('killed with SIGKILL leaves no process and nothing that blocks the next start, which keeps the state', async () => {
    const first = up();
    await first.says('the house is opened');
    const processes = recorded();
    expect(processes).toHaveLength(PART_NAMES.length);
    first.launcher.kill('SIGKILL');
    await first.ended;
    await nothingRuns(processes);
    const second = up();
    await second.says('Stop it with Ctrl-C');
    expect(second.said()).not.toContain('The first start');
    expect(await owners()).toContain('house');
  });

  it('refuses a second one on the same root, and says what to do', async () => {
    const other = up();
    expect(await other.ended).toBe(1);
    expect(other.said()).toMatch(/A stack is running on .* already[\s\S]*npm run down/);
    expect(await owners()).toContain('house');
  });

  it('asked to end by Ctrl-C stops every child and loses nothing', async () => {
    const [running] = launchers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const processes = recorded();
    expect(processes).toHaveLength(PART_NAMES.length);
    const ended = once(running!, 'exit');
    running!.kill('SIGINT');
    expect((await ended)[0]).toBe(0);
    await nothingRuns(processes);
    expect(existsSync(layout.launcherLock)).toBe(false);
    await up().says('Stop it with Ctrl-C');
    expect(await owners()).toContain('house');
  });

  it('is ended by `down`', async () => {
    const processes = recorded();
    const down = spawn(process.execPath, ['apps/cli/bootstrap/run.mjs', 'down'], {
      cwd: clone,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    down.stdout.on('data', (chunk) => (said += String(chunk)));
    await once(down, 'exit');
    expect(said).toContain('Stopped.');
    await nothingRuns(processes);
  });
});
