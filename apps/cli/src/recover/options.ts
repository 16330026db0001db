import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { openKit, type OpenedKit } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';

export interface KitOptions {
  readonly kit: string;
  readonly firm: string;
}
export interface AsMember {
  readonly as: string;
  readonly keyFile: string;
}

export const withKit = (command: Command): Command =>
  command
    .requiredOption('--kit <file>', 'the recovery kit')
    .requiredOption('--firm <hash>', 'hash of the firm’s genesis entry, from the ceremony’s transcript');

export const withMember = (command: Command): Command =>
  command
    .requiredOption('--as <member>', 'who acts, as the charter names them')
    .requiredOption('--key-file <file>', 'the member’s private key, PEM');

/** @throws Failure or RefusalError when it is no sound kit of this firm */
export function readKit({ kit, firm }: KitOptions): OpenedKit {
  if (!/^[0-9a-f]{64}$/.test(firm)) throw new Failure('--firm is no hash: 64 hex digits.');
  return orThrow(openKit(readFileSync(kit, 'utf8'), firm as Digest));
}
