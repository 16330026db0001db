#!/usr/bin/env node
// @ts-check
/**
 * Mends package-lock.json so that `npm ci` passes with npm 10, 11 and 12.
 *
 * A registry may not serve the optional packages of other platforms (…-darwin-arm64 and the like). `npm install` then
 * leaves them out of the lock, and `npm ci` of npm 11 and later refuses a lock that lacks them, although it would never
 * install them here. This adds the entries it asks for: name, exact version, platform, optional.
 *
 * Run it after every change of the lock:  node apps/cli/bootstrap/mend-lock.mjs [package-lock.json]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const OPERATING_SYSTEMS = new Set('aix android darwin freebsd linux netbsd openbsd openharmony sunos win32'.split(' '));
const PROCESSORS = new Map(
  Object.entries({ amd64: 'x64', x64: 'x64', ia32: 'ia32', wasm32: 'wasm32', arm64: 'arm64', arm: 'arm' }).concat(
    ['loong64', 'mips64el', 'ppc64', 'riscv64', 's390x'].map((cpu) => [cpu, cpu]),
  ),
);
const EXACT_VERSION = /^\d+\.\d+\.\d+/;

/**
 * @typedef {{ version?: string, os?: string[], cpu?: string[], dev?: boolean, optional?: boolean,
 *             optionalDependencies?: Record<string, string> }} LockedPackage
 * @param {{ packages: Record<string, LockedPackage> }} lock a lock file, version 2 or 3; not changed
 * @returns {{ packages: Record<string, LockedPackage>, added: string[], left: string[] }} the mended table; the
 *   packages that were added; those that cannot be (the dependent asks for a range, so the version is not known)
 */
export function mendLock(lock) {
  const packages = { ...lock.packages };
  /** @type {string[]} */ const added = [];
  /** @type {string[]} */ const left = [];
  for (const [path, dependent] of Object.entries(lock.packages)) {
    if (path === '') continue; // our own optional dependencies must really be there
    for (const [name, version] of Object.entries(dependent.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`;
      if (packages[place] || packages[`${path}/${place}`]) continue;
      if (!EXACT_VERSION.test(version)) {
        left.push(`${name}@${version}`);
        continue;
      }
      packages[place] = foreignPackage(name, version, dependent.dev === true);
      added.push(`${name}@${version}`);
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
  return { packages: Object.fromEntries(sorted), added, left };
}

/**
 * @param {string} name @param {string} version @param {boolean} dev
 * @returns {LockedPackage} what npm would have written, less what only the registry knows (address and checksum)
 */
function foreignPackage(name, version, dev) {
  const words = name.split(/[/-]/);
  const os = words.find((word) => OPERATING_SYSTEMS.has(word));
  const cpu = words.map((word) => PROCESSORS.get(word)).find(Boolean);
  return {
    version,
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(dev ? { dev: true } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = process.argv[2] ?? 'package-lock.json';
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const { packages, added, left } = mendLock(lock);
  if (added.length > 0) writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  console.log(`${file}: ${added.length} added`);
  for (const name of left) console.error(`left out, not an exact version: ${name}`);
}
