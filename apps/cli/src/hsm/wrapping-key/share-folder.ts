import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join, dirname } from 'node:path';
import { canonicalJson } from '@bulkhead/intent';
import { shareFileSchema, type ShareFile } from '@bulkhead/keys';
import { readJsonFile } from '../../stack/index.js';

const text = (share: ShareFile): string => `${canonicalJson(share)}\n`;

export const shareFileName = (custodian: string): string => `${custodian}.share.json`;
/** By which a custodian knows their file again. */
export const shareHash = (share: ShareFile): string => createHash('sha256').update(text(share)).digest('hex');

/**
 * Puts every custodian's file into a new folder, all of them or none, whenever this process is killed: a secret that is in
 * a token before its shares are on the disk would be nobody's.
 */
export function writeShares(folder: string, shares: readonly ShareFile[]): void {
  const draft = `${folder}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  for (const share of shares) {
    const file = openSync(join(draft, shareFileName(share.custodian)), 'wx', 0o600);
    writeSync(file, text(share));
    fsyncSync(file);
    closeSync(file);
  }
  renameSync(draft, folder);
  for (const changed of [folder, dirname(folder)]) syncFolder(changed);
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** The shares that are in a folder, for these custodians; undefined when there is no folder. */
export function sharesIn(folder: string, custodians: readonly string[]): ShareFile[] | undefined {
  if (!existsSync(folder)) return undefined;
  return custodians
    .map((custodian) => join(folder, shareFileName(custodian)))
    .filter((file) => existsSync(file))
    .map(readShare);
}

/** @throws Failure when the file is no custodian's share */
export const readShare = (file: string): ShareFile => readJsonFile(file, 'a custodian’s share', shareFileSchema);
