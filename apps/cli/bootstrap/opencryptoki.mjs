// @ts-check
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { stateFolder } from './project.mjs';

const unpacked = join(stateFolder, 'opencryptoki');

/** Where the module is once its packages lie over the machine's own folders. */
export const OPENCRYPTOKI_MODULE = '/usr/lib/x86_64-linux-gnu/opencryptoki/libopencryptoki.so.0';

/** @returns {string | undefined} the folder with Debian's packages of it unpacked, which only a test uses */
export function findOpenCryptoki() {
  return existsSync(join(unpacked, OPENCRYPTOKI_MODULE)) ? unpacked : undefined;
}

/**
 * Unpacks Debian's openCryptoki into `.bulkhead/opencryptoki`: installed, it would start a daemon. Where it is not to be
 * had, its test is left out and says so. The caller holds the bootstrap's lock.
 * @returns {Promise<string>} what came of it
 */
export async function fetchOpenCryptoki() {
  mkdirSync(stateFolder, { recursive: true });
  const work = mkdtempSync(join(stateFolder, '.opencryptoki-'));
  try {
    const names = ['opencryptoki', 'libopencryptoki0'];
    const fetched = await runCommand('apt-get', ['-qq', '-o', 'APT::Sandbox::User=', 'download', ...names], {
      cwd: work,
    });
    if (!fetched.ok) return `not to be had: ${lastLines(fetched.said, 1)}`;
    for (const name of readdirSync(work)) {
      const { ok, said } = await runCommand('dpkg-deb', ['-x', name, 'root'], { cwd: work });
      if (!ok) return `not to be unpacked: ${lastLines(said, 1)}`;
    }
    rmSync(unpacked, { recursive: true, force: true });
    renameSync(join(work, 'root'), unpacked);
    return 'unpacked, for its test';
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
