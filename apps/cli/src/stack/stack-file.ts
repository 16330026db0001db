import { existsSync, readFileSync } from 'node:fs';
import type { ProcessIdentity } from '#bootstrap/process-identity.mjs';
import { stillRuns } from '#bootstrap/process-identity.mjs';
import { writeFileAtomically } from './files.js';
import type { Layout } from './layout.js';
import type { PartName } from './names.js';
import type { Ports } from './ports.js';

/** What <root>/stack.json says of a running stack. No secrets: files that hold them are named only in config/. */
export interface StackFile {
  readonly root: string;
  readonly launcher: ProcessIdentity;
  readonly startedAt: string;
  readonly ports: Ports;
  readonly pids: Partial<Record<PartName, number>>;
  readonly urls: Readonly<Record<string, string>>;
}

export function writeStackFile(layout: Layout, content: StackFile): void {
  writeFileAtomically(layout.stackFile, `${JSON.stringify(content, null, 2)}\n`);
}

/** @returns what runs on this root now, undefined when nothing does */
export function readRunningStack(layout: Layout): StackFile | undefined {
  if (!existsSync(layout.stackFile)) return undefined;
  const content = JSON.parse(readFileSync(layout.stackFile, 'utf8')) as StackFile;
  return stillRuns(content.launcher) ? content : undefined;
}
