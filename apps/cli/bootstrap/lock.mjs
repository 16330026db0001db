// @ts-check
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identityOf, stillRuns } from './process-identity.mjs';

/** @typedef {import('./process-identity.mjs').ProcessIdentity} ProcessIdentity */

/**
 * Takes a lock file for this process. A lock whose owner no longer runs (a killed earlier run, another boot) is taken over.
 * @param {string} file
 * @returns {{ taken: true, release: () => void } | { taken: false, holder: ProcessIdentity }}
 */
export function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const me = identityOf(process.pid);
  if (!me) throw new Error('/proc does not show this process: is it mounted?');
  const mine = JSON.stringify(me);
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, mine);
  try {
    // a link appears whole or not at all, so that nobody reads half a lock
    while (!linked(draft, file)) {
      const found = contentOf(file);
      if (found === undefined) continue;
      const holder = parseHolder(found);
      if (holder && stillRuns(holder)) return { taken: false, holder };
      moveAway(file, found);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return { taken: true, release: () => contentOf(file) === mine && rmSync(file, { force: true }) };
}

/**
 * @param {string} file
 * @returns {ProcessIdentity | undefined} the live process that holds the lock, if any
 */
export function lockHolder(file) {
  const found = contentOf(file);
  const holder = found === undefined ? undefined : parseHolder(found);
  return holder && stillRuns(holder) ? holder : undefined;
}

/** @param {string} from @param {string} to @returns {boolean} false when `to` exists */
function linked(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a stale lock, unless another process has replaced it meanwhile: that one is put back.
 * @param {string} file @param {string} stale
 */
function moveAway(file, stale) {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch {
    return; // another one was faster
  }
  if (contentOf(aside) !== stale) linked(aside, file);
  rmSync(aside, { force: true });
}

/** @param {string} file @returns {string | undefined} */
function contentOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} content @returns {ProcessIdentity | undefined} undefined when it is not a lock of ours */
function parseHolder(content) {
  try {
    const { pid, startTicks, bootId } = JSON.parse(content);
    return Number.isSafeInteger(pid) && typeof startTicks === 'string' && typeof bootId === 'string'
      ? { pid, startTicks, bootId }
      : undefined;
  } catch {
    return undefined;
  }
}
