// @ts-check
import { readFileSync } from 'node:fs';

/**
 * Who a process is, beyond its number, which the system gives out again: pid, start time in clock ticks since boot
 * (proc(5), field 22 of /proc/<pid>/stat), and the boot it belongs to.
 * @typedef {{ pid: number, startTicks: string, bootId: string }} ProcessIdentity
 */

/**
 * @param {number} pid
 * @returns {ProcessIdentity | undefined} undefined when there is no such process, or only its zombie is left
 */
export function identityOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is the program's name in brackets and may hold anything, brackets too
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    const startTicks = fields[19];
    if (state === 'Z' || state === 'X' || startTicks === undefined) return undefined;
    return { pid, startTicks, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return undefined;
  }
}

/**
 * @param {ProcessIdentity} recorded as once taken by identityOf
 * @returns {boolean} whether that very process still runs
 */
export function stillRuns(recorded) {
  const now = identityOf(recorded.pid);
  return now !== undefined && now.startTicks === recorded.startTicks && now.bootId === recorded.bootId;
}

/**
 * @param {number} pid
 * @returns {string} its command line with spaces, empty when it cannot be read
 */
export function commandLineOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
