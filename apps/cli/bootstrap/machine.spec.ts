import { machineProblems, missingSystemPackages } from './machine.mjs';

type Facts = Parameters<typeof machineProblems>[0];
type Changes = Partial<Omit<Facts, 'programs' | 'missing'>> & {
  programs?: Partial<Facts['programs']>;
  missing?: Partial<Facts['missing']>;
};

/** A newly installed Debian machine, used by root, with some facts changed. */
function machine({ programs, missing, ...rest }: Changes = {}): Facts {
  return {
    platform: 'linux',
    architecture: 'x64',
    nodeVersion: '20.19.0',
    freeBytes: 10e9,
    projectIsWritable: true,
    isRoot: true,
    sudoWorks: false,
    misnamed: {},
    ...rest,
    programs: {
      npm: true,
      python3: false,
      make: false,
      'g++': false,
      'apt-get': true,
      'dpkg-deb': true,
      setpriv: true,
      sudo: false,
      ...programs,
    },
    missing: { packages: true, pkcs11Build: true, softhsm: true, bitcoind: true, ...missing },
  };
}
const nothingMissing = { packages: false, pkcs11Build: false, softhsm: false, bitcoind: false };

describe('the check of the machine', () => {
  it('lets an empty Debian machine with Node 20.19 pass', () => {
    expect(machineProblems(machine())).toEqual([]);
  });

  it.each(['20.19.0', '20.20.2', '22.0.0', '24.21.0'])('takes Node %s', (nodeVersion) => {
    expect(machineProblems(machine({ nodeVersion }))).toEqual([]);
  });

  it.each(['18.20.4', '20.18.3', '9.9.9'])('refuses Node %s and says which to install', (nodeVersion) => {
    expect(machineProblems(machine({ nodeVersion }))).toEqual([
      expect.stringMatching(/too old: install Node 20\.19 or later/),
    ]);
  });

  it.each([
    ['another processor', { architecture: 'arm64' }, /linux arm64; .* linux x64/],
    ['another system', { platform: 'darwin' }, /darwin x64/],
    ['a full disk', { freeBytes: 2_900_000_000 }, /Only 2\.9 GB are free .* 3\.0 GB are needed/],
    ['a folder of somebody else', { projectIsWritable: false }, /not writable/],
    ['no npm', { programs: { npm: false } }, /npm is missing: install it/],
    [
      'no root and no sudo',
      { isRoot: false },
      /^softhsm2, python3, make, g\+\+ missing.* `apt-get install softhsm2 python3/,
    ],
    ['no setpriv', { programs: { setpriv: false } }, /setpriv is missing.* util-linux/],
    ['a wrong BITCOIND', { misnamed: { BITCOIND: '/opt/none' } }, /^BITCOIND is \/opt\/none, which does not exist/],
    ['no dpkg', { programs: { 'dpkg-deb': false } }, /bitcoind is missing .* BITCOIND/],
  ])('says what to do about %s, and nothing else', (_what, changes, message) => {
    expect(machineProblems(machine(changes))).toEqual([expect.stringMatching(message)]);
  });

  it('says everything at once', () => {
    const problems = machineProblems(machine({ nodeVersion: '18.0.0', isRoot: false, programs: { setpriv: false } }));
    expect(problems).toHaveLength(3);
  });

  it('asks for no compiler, root, apt-get or 3 GB where all is installed', () => {
    const facts = machine({
      missing: nothingMissing,
      isRoot: false,
      freeBytes: 400_000_000,
      programs: { npm: false, python3: false, make: false, 'g++': false, 'apt-get': false, 'dpkg-deb': false },
    });
    expect(machineProblems(facts)).toEqual([]);
  });

  it('installs with one apt-get what a new machine lacks, and a compiler only where one is needed', () => {
    expect(missingSystemPackages(machine())).toEqual(['softhsm2', 'python3', 'make', 'g++']);
    expect(missingSystemPackages(machine({ programs: { python3: true, make: true } }))).toEqual(['softhsm2', 'g++']);
    expect(missingSystemPackages(machine({ missing: { packages: false, pkcs11Build: false } }))).toEqual(['softhsm2']);
    expect(missingSystemPackages(machine({ missing: nothingMissing }))).toEqual([]);
  });

  it('takes sudo in place of root', () => {
    expect(machineProblems(machine({ isRoot: false, sudoWorks: true }))).toEqual([]);
  });
});
