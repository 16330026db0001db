import { execFileSync } from 'node:child_process';
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE_BYTES = 4_096;
const DISK_BYTES = 64 * PAGE_BYTES;

/** A token's disk that can be full. */
export interface FullDisk {
  readonly what: string;
  /** What is left of it in one case after the other: with some, only the last of a key's files finds no room. */
  readonly rooms: readonly number[];
  /** The room in which no object finds place. */
  readonly full: number;
  /** Leaves so much room, to a module host with this process number. */
  readonly fill: (room: number, hostPid: number) => void;
  /** Without a process number where no module host runs. */
  readonly free: (hostPid: number | undefined) => void;
  readonly remove: () => void;
}

/** A file system of its own with 256 KiB, of which some pages are left. It takes root: undefined for anybody else. */
export function mountedDisk(folder: string): FullDisk | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const filler = join(folder, 'filler');
  return {
    what: 'pages of a disk',
    rooms: [0, 1, 2, 3, 4, 6, 8],
    full: 0,
    fill: (pages) => {
      expect(() => {
        writeFileSync(filler, Buffer.alloc(DISK_BYTES));
      }).toThrow(/ENOSPC/);
      truncateSync(filler, Math.max(0, statSync(filler).size - pages * PAGE_BYTES));
    },
    free: () => {
      rmSync(filler, { force: true });
    },
    remove: () => {
      execFileSync('umount', [folder]);
    },
  };
}

/**
 * A module host whose files can be no longer than so many bytes: what it writes beyond is EFBIG (RLIMIT_FSIZE, setrlimit(2);
 * Node ignores SIGXFSZ). Anybody may do that to a process of their own. SoftHSM's file of the token itself has 320 bytes
 * and is written anew at each login, so that with less than that the token would be gone; a public key has 619, a private
 * one 785.
 */
export const limitedFiles: FullDisk = {
  what: 'bytes of each file',
  rooms: [320, 400, 618, 620, 700, 784],
  full: 320,
  fill: (bytes, hostPid) => {
    limit(hostPid, String(bytes));
  },
  free: (hostPid) => {
    if (hostPid !== undefined) limit(hostPid, 'unlimited');
  },
  remove: () => undefined,
};

/** Only the soft limit, which may be raised again. */
function limit(pid: number, soft: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`], { stdio: 'pipe' });
}
