// @ts-check
import { resolve, join } from 'node:path';

/** The project's folder. These files are never compiled or copied, so the place of this one tells it. */
export const projectFolder = resolve(import.meta.dirname, '../../..');

/** The state that all stacks of this clone share: the fetched bitcoind, the bootstrap's lock and its logs. */
export const stateFolder = join(projectFolder, '.bulkhead');
