import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { Failure } from '#bootstrap/failure.mjs';
import { projectFolder } from '#bootstrap/project.mjs';
import type { AppName } from './names.js';
import { ProcessPart, type Part, type PartSurroundings } from './process-part.js';

export interface AppOptions {
  readonly port: number;
  /** Compiled entry, relative to the project; defaults to the app's main. */
  readonly entry?: string;
  /** The app's one argument: `--config <file>`. */
  readonly configFile: string;
  /** One look whether it serves; a rejection means not yet. */
  isReady(): Promise<boolean>;
  /** Besides PATH, LC_ALL and TZ, which is all that an app gets of our environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly readyTimeoutMs?: number;
}

/** @returns a compiled app as a part of the stack, not started yet */
export function appPart(name: AppName, options: AppOptions, around: PartSurroundings): Part {
  const folder = name === 'orchestrator' ? 'orchestrator' : 'signer';
  const entry = join(projectFolder, options.entry ?? `dist/apps/${folder}/main.js`);
  if (!existsSync(entry)) throw new Failure(`${entry} is missing.`, 'Build first: npm run build');
  return new ProcessPart(
    {
      name,
      port: options.port,
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', entry, '--config', options.configFile],
      cwd: projectFolder,
      env: { NODE_ENV: 'production', ...options.env },
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 15_000,
      readyTimeoutMs: options.readyTimeoutMs ?? 60_000, // as for the other parts: a machine may be busy
      isReady: () => options.isReady(),
    },
    around,
  );
}
