import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockHolder, takeLock } from './lock.mjs';
import { identityOf } from './process-identity.mjs';

describe('a lock file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-lock-'));
    file = join(folder, 'some.lock');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is held by one at a time, and names its holder', () => {
    const first = takeLock(file);
    expect(first.taken).toBe(true);
    expect(takeLock(file)).toMatchObject({ taken: false, holder: { pid: process.pid } });
    expect(lockHolder(file)?.pid).toBe(process.pid);
  });

  it('is free again after its release, and leaves no file', () => {
    const first = takeLock(file);
    if (first.taken) first.release();
    expect(lockHolder(file)).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    expect(takeLock(file).taken).toBe(true);
  });

  it('is taken over from a process that was killed', async () => {
    const holder = spawn('sleep', ['60']);
    writeFileSync(file, JSON.stringify(identityOf(Number(holder.pid))));
    expect(takeLock(file)).toMatchObject({ taken: false, holder: { pid: holder.pid } });
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await ended;
    expect(takeLock(file).taken).toBe(true);
  });

  it.each([
    ['a process number given out again', { ...identityOf(process.pid), startTicks: '1' }],
    ['another boot of the machine', { ...identityOf(process.pid), bootId: 'another' }],
  ])('is not held by %s', (_what, content) => {
    writeFileSync(file, JSON.stringify(content));
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file).taken).toBe(true);
  });

  it.each(['', 'nonsense', '{}', '{"pid":"1"}', 'null'])('with the content %j is stale', (content) => {
    writeFileSync(file, content);
    expect(takeLock(file).taken).toBe(true);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(identityOf(process.pid));
  });

  it('goes to exactly one of many that find it stale', async () => {
    writeFileSync(file, 'stale');
    const program = `
      const { takeLock } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.mjs'))});
      console.log(takeLock(${JSON.stringify(file)}).taken);
      setTimeout(() => {}, 2000);`;
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
        const answer = await new Promise<string>((resolve) =>
          child.stdout.once('data', (data: Buffer) => {
            resolve(data.toString().trim());
          }),
        );
        return { answer, child };
      }),
    );
    expect(answers.map(({ answer }) => answer).sort()).toEqual(['false', 'false', 'false', 'false', 'false', 'true']);
    for (const { child } of answers) child.kill();
  });
});
