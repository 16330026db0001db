import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { stateFolder } from '#bootstrap/project.mjs';
import { entryHash, signerSchema, type SignerRecord } from '@bulkhead/charter';
import { tokenHolders, verifyTranscript, type TokenHolder } from '@bulkhead/evidence';
import { digestSchema, orThrow, slugSchema, type Digest } from '@bulkhead/intent';
import { z } from 'zod';
import { ceremonyHolders, spareFile } from '../ceremony/development.js';
import { DEVELOPMENT_MEMBERS, developmentDevice } from '../members/development-members.js';
import { MemberDevice } from '../members/member-device.js';
import { readGenesis } from '../setup/genesis.js';
import {
  Failure,
  layoutOf,
  readJsonFile,
  readPrivateFile,
  readRunningStack,
  readTextFile,
  type Layout,
} from '../stack/index.js';

/** What a person at a terminal works with: a firm's API, and the devices of those members who are here. */
export interface Workplace {
  /** Of the orchestrator's API. */
  readonly url: string;
  /** Hash of the firm's genesis entry, from whoever set the place up and not from the orchestrator. */
  readonly firm: Digest;
  /** The members whose devices are here, in the order in which they are asked. */
  readonly members: readonly string[];
  /** @throws Failure when this member's device is not here */
  readonly device: (member: string) => MemberDevice;
  /** Which token each signer's keys are in, as the firm's ceremonies have it. */
  readonly holders: () => TokenHolder[];
  /** The signer that stands by to take over. @throws Failure when there is none */
  readonly spare: () => SignerRecord;
  /** Of the development firm: where its state is. */
  readonly development?: Layout;
}

/** Paths are relative to the file. Everything secret is in files of its own. */
const firmFileSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine(isPrivate, 'API tokens travel by https only, or within this machine')
    .transform((url) => url.replace(/\/$/, '')),
  firm: digestSchema,
  devices: z
    .array(z.strictObject({ member: slugSchema, key: slugSchema, keyFile: z.string(), tokenFile: z.string() }))
    .min(1),
  ceremonies: z.array(z.string()).default([]),
  spare: signerSchema.optional(),
});

/** The firm that `BULKHEAD_FIRM` names a file of; without it the development firm that runs in this clone. */
export const workplace = (): Workplace => namedWorkplace() ?? developmentWorkplace();

/** The firm that `BULKHEAD_FIRM` names a file of, if it does. */
export function namedWorkplace(): Workplace | undefined {
  const file = process.env['BULKHEAD_FIRM'];
  return file ? workplaceOf(file) : undefined;
}

/** @throws Failure when no development stack runs */
function developmentWorkplace(): Workplace {
  const layout = layoutOf(process.env['BULKHEAD_STATE'] || stateFolder);
  const url = readRunningStack(layout)?.urls.orchestrator;
  if (!url) {
    throw new Failure(
      'No stack is running here.',
      'Start it first: npm run up. For a firm elsewhere, name its file in BULKHEAD_FIRM.',
    );
  }
  return developmentWorkplaceAt(layout, url);
}

/** All devices of the development firm lie in one folder, so that one person can play the whole firm. */
export const developmentWorkplaceAt = (layout: Layout, url: string): Workplace => ({
  url,
  firm: entryHash(readGenesis(layout.genesis)),
  members: DEVELOPMENT_MEMBERS.map(({ id }) => id),
  device: (member) => developmentDevice(layout.members, member),
  development: layout,
  holders: () => ceremonyHolders(layout),
  spare: () => {
    try {
      return signerSchema.parse(JSON.parse(readFileSync(spareFile(layout), 'utf8')));
    } catch {
      throw new Failure('No spare signer stands by here.', 'Start the stack with one: npm run up');
    }
  },
});

/** A firm as a file describes it, see docs/operations.md. @throws Failure when the file is none of this form */
export function workplaceOf(file: string): Workplace {
  const { url, firm, devices, ceremonies, spare } = readJsonFile(file, 'a description of a firm', firmFileSchema);
  const here = (path: string): string => resolve(dirname(resolve(file)), path);
  return {
    url,
    firm,
    members: devices.map(({ member }) => member),
    device: (member) => {
      const found = devices.find((device) => device.member === member);
      if (!found) {
        const known = devices.map((device) => device.member).join(', ');
        throw new Failure(`The device of "${member}" is not here: ${file} names those of ${known}.`);
      }
      const pem = readPrivateFile(here(found.keyFile), `the private key of ${member}`).toString('utf8');
      const token = readPrivateFile(here(found.tokenFile), `the API token of ${member}`).toString('utf8');
      return new MemberDevice(member, found.key, pem, token.trim());
    },
    holders: () =>
      ceremonies.flatMap((path) =>
        tokenHolders(orThrow(verifyTranscript(readTextFile(here(path), 'the transcript of a ceremony')))),
      ),
    spare: () => {
      if (!spare) throw new Failure(`${file} names no signer that stands by.`, 'Put it under "spare".');
      return spare;
    },
  };
}

function isPrivate(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed?.protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(parsed?.hostname ?? '');
}
