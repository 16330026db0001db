import type { Command } from 'commander';
import { openKit, type OpenedKit } from '@bulkhead/evidence';
import { digestSchema, orThrow, type Digest } from '@bulkhead/intent';
import { Failure, readTextFile } from '../stack/index.js';

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
export const readKit = ({ kit, firm }: KitOptions): OpenedKit =>
  orThrow(openKit(readTextFile(kit, 'a recovery kit'), hashOf(firm)));

/** A hash as somebody has typed it. @throws Failure when it is none */
export function hashOf(firm: string): Digest {
  const parsed = digestSchema.safeParse(firm);
  if (parsed.success) return parsed.data;
  throw new Failure('--firm is no hash: 64 hex digits.', 'It is in the transcript of the genesis ceremony.');
}
