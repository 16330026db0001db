import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { stateFolder } from '#bootstrap/project.mjs';
import { charterEntrySchema, entryHash, type CharterEntry } from '@bulkhead/charter';
import { buildKit, kitDigest, sealKit, verifyTranscript, type TokenHolder } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import { developmentTranscript } from '../ceremony/development.js';
import { tokenHolders } from '../ceremony/run-book.js';
import { openSession } from '../operator/session.js';
import { readGenesis } from '../setup/genesis.js';
import { Failure, layoutOf } from '../stack/index.js';

interface KitOptions {
  readonly client: string;
  readonly out: string;
  readonly as: string;
  readonly entries?: string;
  readonly firm?: string;
}

const PAGE = 500;

/** `bulkhead kit`: what a client, and the firm's safe, keep for the day on which nothing of the firm runs. */
export function addKitCommand(program: Command): void {
  program
    .command('kit')
    .description('write a client’s recovery kit: no secret is in it, and everything that is can be checked offline')
    .requiredOption('--client <owner>', 'whose kit, for example alpha')
    .requiredOption('--out <file>', 'the kit')
    .option('--as <member>', 'who asks the running stack for the charter', 'olivia')
    .option('--entries <file>', 'take the charter from this JSON array of entries instead')
    .option('--firm <hash>', 'hash of the genesis entry; by default that of the stack’s genesis.json')
    .action(kit);
}

async function kit(options: KitOptions): Promise<void> {
  const firm = (options.firm as Digest | undefined) ?? genesisHash();
  const entries = options.entries === undefined ? await entriesOfStack(options.as) : entriesIn(options.entries);
  const built = orThrow(buildKit(entries, firm, options.client, holders(), new Date().toISOString()));
  writeFileSync(options.out, sealKit(built));
  console.log(
    `${options.out}: ${built.wallets.length} wallets of ${built.owner.name}, ${built.charter.length} entries`,
  );
  console.log(`hash of the kit  ${kitDigest(built)}\nhash of genesis  ${firm}`);
  console.log('\nKeep both hashes apart from the kit. Write a new kit after every change of the client’s wallets.');
}

function genesisHash(): Digest {
  const file = layoutOf(stateFolder).genesis;
  if (!existsSync(file)) throw new Failure(`There is no ${file}.`, 'Give --firm.');
  return entryHash(readGenesis(file));
}

const entriesIn = (file: string): CharterEntry[] =>
  charterEntrySchema.array().parse(JSON.parse(readFileSync(file, 'utf8')));

async function entriesOfStack(member: string): Promise<CharterEntry[]> {
  const { client, device } = await openSession(member);
  const entries: CharterEntry[] = [];
  let after = '0';
  for (;;) {
    const page = await client.api.get<{ position: string; entry: CharterEntry }[]>(
      `/v1/charter/entries?after=${after}&limit=${PAGE}`,
      device.apiToken,
    );
    entries.push(...page.map(({ entry }) => entry));
    const last = page.at(-1);
    if (!last || page.length < PAGE) return entries;
    after = last.position;
  }
}

/** Where the tokens are, as the signed steps of the ceremony have it. */
function holders(): TokenHolder[] {
  const file = developmentTranscript(layoutOf(stateFolder));
  if (!existsSync(file)) return [];
  return tokenHolders(orThrow(verifyTranscript(readFileSync(file, 'utf8'))));
}
