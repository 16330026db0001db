// @ts-check
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { Failure } from './failure.mjs';
import { stateFolder } from './project.mjs';

const distFolder = join(stateFolder, 'bitcoin-dist');
const fetchedBinary = join(distFolder, 'bin/bitcoind');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** @returns {string | undefined} path of a bitcoind: BITCOIND, else one on the PATH, else the one we fetched */
export function findBitcoind() {
  const named = process.env.BITCOIND;
  if (named) return existsSync(named) ? named : undefined;
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'bitcoind'));
  return [...onPath, fetchedBinary].find((path) => existsSync(path));
}

/** @returns {boolean} */
export function bitcoindIsAtHand() {
  return findBitcoind() !== undefined;
}

/** @param {string} binary @returns {Promise<string | undefined>} its version line; undefined when it does not run here */
async function bitcoindVersion(binary) {
  const { ok, output } = await runCommand(binary, ['-version']);
  return ok ? output.split('\n')[0] : undefined;
}

/**
 * Fetches Debian's bitcoin-knots with the C library it was built for into `.bulkhead/bitcoin-dist`; nothing is installed
 * on the machine, and root is not needed. The caller holds the bootstrap's lock.
 *
 * The package is in Debian's unstable suite only, so apt-get is pointed at an isolated configuration: that suite of the
 * mirror that the machine's own apt uses, checked with the machine's own keyring, and an empty list of installed packages.
 * @returns {Promise<string>} the version that was fetched
 */
export async function fetchBitcoind() {
  if (!existsSync(KEYRING)) {
    throw new Failure(
      `${KEYRING} is missing, so packages cannot be checked.`,
      `apt-get install debian-archive-keyring, or set BITCOIND to a bitcoind.`,
    );
  }
  mkdirSync(distFolder, { recursive: true });
  for (const left of readdirSync(distFolder)) {
    if (left.startsWith('.work-')) rmSync(join(distFolder, left), { recursive: true, force: true }); // of a killed run
  }
  const work = mkdtempSync(join(distFolder, '.work-'));
  try {
    await unpackPackages(work, await downloadPackages(work));
    await writeLaunchers(work);
    for (const part of ['root', 'bin']) {
      rmSync(join(distFolder, part), { recursive: true, force: true });
      renameSync(join(work, part), join(distFolder, part));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const version = await bitcoindVersion(fetchedBinary);
  if (!version) throw new Failure('The fetched bitcoind does not run here.', 'Set BITCOIND to a bitcoind that does.');
  return version;
}

/** @param {string} work @returns {Promise<string[]>} the .deb files: bitcoin-knots and all it needs, the C library included */
async function downloadPackages(work) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'log'])
    mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${KEYRING}] ${await debianMirror()} sid main\n`);
  // what the package wants of a machine it is installed on, but the program does not
  const pretended = ['debconf', 'systemd', 'systemd-standalone-sysusers'].map((name) =>
    [
      `Package: ${name}`,
      'Status: install ok installed',
      'Architecture: amd64',
      'Version: 9999:9',
      'Multi-Arch: foreign',
      'Provides: debconf-2.0, systemd-sysusers',
      'Maintainer: none',
      'Description: none',
      '',
    ].join('\n'),
  );
  writeFileSync(join(work, 'status'), pretended.join('\n'));
  writeFileSync(join(work, 'apt.conf'), isolatedAptConfiguration(work));
  const env = { ...process.env, APT_CONFIG: join(work, 'apt.conf'), LC_ALL: 'C' };
  await run('apt-get', ['-qq', 'update'], env);
  await run('apt-get', ['-qq', '-y', '--download-only', 'install', 'bitcoin-knots'], env);
  const archives = join(work, 'cache/archives');
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(archives, name));
}

/** @param {string} work @returns {string} */
function isolatedAptConfiguration(work) {
  const settings = {
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::State::status': join(work, 'status'),
    'Dir::State::extended_states': join(work, 'extended_states'),
    'Dir::Etc::SourceList': join(work, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::Cache': join(work, 'cache'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Dir::Log': join(work, 'log'),
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': '0',
    'APT::Keep-Downloaded-Packages': '1',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled': 'false',
    'Acquire::PDiffs': '0',
    'Acquire::Retries': '3',
    'APT::Update::Error-Mode': 'any',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  return [...lines, 'APT::Architectures { "amd64"; };', ''].join('\n');
}

/** @returns {Promise<string>} address of the Debian mirror that this machine's own apt uses */
async function debianMirror() {
  // says what it would fetch: without the network, without root, and before the first `apt-get update` too
  const listed = await run('apt-get', ['update', '--print-uris'], process.env);
  const mirror = chooseMirror(listed);
  if (mirror) return mirror;
  throw new Failure(
    "No Debian mirror is found in this machine's apt sources.",
    'Set BITCOIND to a bitcoind, or put one on the PATH.',
  );
}

/**
 * @param {string} uris lines "'<repository>/dists/<release>/<component>/...' <file> <size>", as `apt-get update --print-uris` has them
 * @returns {string | undefined} the repository of a plain Debian release
 */
export function chooseMirror(uris) {
  const plain = /^(buster|bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable)$/;
  const found = [...uris.matchAll(/^'([^']+?)\/dists\/([^/']+)\/main\/binary-/gm)];
  const mirrors = found.filter(([, , release = '']) => plain.test(release)).map(([, repository]) => repository);
  // others have a release called "stable" too, but only Debian's own mirrors have its updates beside it
  const withUpdates = new Set(
    found.filter(([, , release]) => release?.endsWith('-updates')).map(([, repository]) => repository),
  );
  return mirrors.find((repository) => withUpdates.has(repository)) ?? mirrors[0];
}

/** @param {string} work @param {string[]} packages */
async function unpackPackages(work, packages) {
  const root = join(work, 'root');
  mkdirSync(root);
  for (const file of packages) await run('dpkg-deb', ['-x', file, root], process.env);
  for (const part of ['doc', 'man', 'locale', 'info', 'lintian', 'bash-completion']) {
    rmSync(join(root, 'usr/share', part), { recursive: true, force: true });
  }
}

/**
 * Writes launchers that start the programs with the loader and the libraries they came with, not the machine's.
 * @param {string} work
 */
async function writeLaunchers(work) {
  const root = join(work, 'root');
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  const needed = await run(
    loader,
    ['--library-path', libraries, '--list', join(root, 'usr/bin/bitcoind')],
    process.env,
  );
  if (needed.includes('not found')) throw new Failure(`The fetched bitcoind lacks libraries:\n${needed}`);
  mkdirSync(join(work, 'bin'));
  const place = relative(work, libraries);
  for (const program of ['bitcoind', 'bitcoin-cli']) {
    const script = [
      '#!/bin/sh',
      'here="$(cd "$(dirname "$0")/.." && pwd)"',
      `exec "$here/${relative(work, loader)}" --library-path "$here/${place}" --argv0 ${program} "$here/root/usr/bin/${program}" "$@"`,
      '',
    ];
    writeFileSync(join(work, 'bin', program), script.join('\n'), { mode: 0o755 });
  }
}

/**
 * @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} what it printed
 */
async function run(program, args, env) {
  const { ok, output, said } = await runCommand(program, args, { env });
  if (ok) return output;
  throw new Failure(`${program} ${args.slice(0, 3).join(' ')} failed:\n${lastLines(said, 8)}`, adviceFor(said));
}

/** @param {string} said @returns {string} */
function adviceFor(said) {
  if (/No space left|ENOSPC/.test(said)) return 'The disk is full: free some space and run the same command again.';
  const otherwise = 'or set BITCOIND to a bitcoind.';
  if (/Could not resolve|Temporary failure|Could not connect|Connection (timed out|refused)/.test(said))
    return `That mirror cannot be reached: see to the network, ${otherwise}`;
  return /is expired|is not valid yet/.test(said)
    ? `That mirror is out of date, or the clock of this machine is wrong: see to it, ${otherwise}`
    : `See whether \`apt-get update\` works on this machine, ${otherwise}`;
}
