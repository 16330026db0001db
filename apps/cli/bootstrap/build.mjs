// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { runCommand } from './command.mjs';
import { Failure } from './failure.mjs';
import { projectFolder } from './project.mjs';

const stampFile = join(projectFolder, 'dist/.bulkhead-stamp');
const CONFIGURATION = ['nest-cli.json', 'tsconfig.json', 'package.json', 'apps/cli/bootstrap/bundle.mjs'];

/** @returns {string} path of the Node that runs what was built: Node 24 from the packages, else this one */
export function projectNode() {
  const own = join(projectFolder, 'node_modules/.bin/node');
  return existsSync(own) ? own : process.execPath;
}

/** @returns {boolean} whether dist/ was built from the sources as they are */
export function buildIsFresh() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === sourceDigest();
}

/** Compiles all apps and libs into dist/, and bundles what runs. It does not check types: `npm run test:lint` does. */
export async function build() {
  const digest = sourceDigest();
  const nest = join(projectFolder, 'node_modules/@nestjs/cli/bin/nest.js');
  const env = { ...process.env, FORCE_COLOR: '0' };
  const { ok, said } = await runCommand(projectNode(), [nest, 'build', '--all'], { cwd: projectFolder, env });
  if (!ok) throw new Failure(`The build failed:\n${said.trim()}`, 'Mend it; `npm run typecheck` says more.');
  await bundle();
  mkdirSync(join(projectFolder, 'dist'), { recursive: true });
  writeFileSync(stampFile, digest);
}

/** @returns {string} one digest of every file the build reads; contents, since a checkout changes times at will */
function sourceDigest() {
  const files = ['apps', 'libs'].flatMap((kind) =>
    readdirSync(join(projectFolder, kind)).flatMap((name) => sourcesUnder(join(kind, name, 'src'))),
  );
  const hash = createHash('sha256');
  for (const file of [...CONFIGURATION, ...files.sort()]) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(projectFolder, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** @param {string} folder relative to the project @returns {string[]} its TypeScript files, tests left out */
function sourcesUnder(folder) {
  const path = join(projectFolder, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name));
}
