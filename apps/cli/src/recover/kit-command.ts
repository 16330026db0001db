import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { stateFolder } from '#bootstrap/project.mjs';
import { charterEntrySchema, entryHash, type CharterEntry, type CharterState } from '@bulkhead/charter';
import { buildKit, openKit, sealKit, type OpenedKit } from '@bulkhead/evidence';
import { canonicalJson, orThrow, type Digest } from '@bulkhead/intent';
import { ceremonyHolders } from '../ceremony/development.js';
import { openSession } from '../operator/session.js';
import { namedWorkplace } from '../operator/workplace.js';
import { readGenesis } from '../setup/genesis.js';
import { hashOf } from './options.js';
import { Failure, layoutOf, readJsonFile, type Layout } from '../stack/index.js';

interface KitOptions {
  readonly client: string;
  readonly out: string;
  readonly as?: string;
  readonly entries?: string;
  readonly firm?: string;
  readonly fetch: boolean;
}

const PAGE = 500;

/** `bulkhead kit`: what a client, and the firm's safe, keep for the day on which nothing of the firm runs. */
export function addKitCommand(program: Command): void {
  program
    .command('kit')
    .description('write a client’s recovery kit: no secret is in it, and everything that is can be checked offline')
    .requiredOption('--client <owner>', 'whose kit, for example alpha')
    .requiredOption('--out <file>', 'the kit')
    .option('--as <member>', 'who asks the firm for the charter; by default the first member whose device is here')
    .option('--entries <file>', 'take the charter from this JSON array of entries instead')
    .option(
      '--firm <hash>',
      'hash of the genesis entry; by default that of BULKHEAD_FIRM, or of the stack’s genesis.json',
    )
    .option('--fetch', 'have the running firm make it, and check it here before it is written', false)
    .action(kit);
}

async function kit(options: KitOptions): Promise<void> {
  const firm = options.firm === undefined ? (namedWorkplace()?.firm ?? genesisHash()) : hashOf(options.firm);
  const text = options.fetch ? await fetchedKit(options) : await builtKit(options, firm);
  const { kit, hash, state } = ofClient(orThrow(openKit(text, firm)), options.client);
  writeFileSync(options.out, text);
  console.log(`${options.out}: ${kit.wallets.length} wallets of ${kit.owner.name}, ${kit.charter.length} entries`);
  console.log(`hash of the kit  ${hash}\nhash of genesis  ${firm}`);
  for (const line of warningsOf(state)) console.error(line);
  console.log('\nKeep both hashes apart from the kit. Write a new kit after every change of the client’s wallets.');
}

async function builtKit({ client, entries: file, as }: KitOptions, firm: Digest): Promise<string> {
  const entries = file === undefined ? await entriesOfStack(as) : entriesIn(file);
  const holders = namedWorkplace()?.holders() ?? ceremonyHolders(layout());
  return sealKit(orThrow(buildKit(entries, firm, client, holders, new Date().toISOString())));
}

async function fetchedKit({ client: owner, as, entries }: KitOptions): Promise<string> {
  if (entries !== undefined) throw new Failure('A kit is fetched, or built of --entries: not both.');
  const { client, device } = await openSession(as);
  const path = `/v1/clients/${encodeURIComponent(owner)}/recovery-kit`;
  return `${canonicalJson(await client.api.get<object>(path, device.apiToken))}\n`;
}

/** Whoever would have to act in a disaster, and could not. */
export const warningsOf = ({ members }: Pick<CharterState, 'members'>): string[] =>
  [...members.values()]
    .filter(({ keys }) => keys.length > 0 && keys.every(({ scheme }) => scheme === 'webauthn'))
    .map(
      ({ id }) => `${id} has passkeys only, which \`recover\` cannot use: enrol a P-256 or Ed25519 key, kept offline.`,
    );

/** A sound kit of somebody else is not what was asked for. */
function ofClient(opened: OpenedKit, client: string): OpenedKit {
  if (opened.kit.owner.id === client) return opened;
  throw new Failure(`The kit is of ${opened.kit.owner.id}, and one of ${client} was asked for.`);
}

const layout = (): Layout => layoutOf(process.env['BULKHEAD_STATE'] || stateFolder);

function genesisHash(): Digest {
  const file = layout().genesis;
  if (!existsSync(file)) throw new Failure(`There is no ${file}.`, 'Give --firm.');
  return entryHash(readGenesis(file));
}

const entriesIn = (file: string): CharterEntry[] =>
  readJsonFile(file, 'a JSON array of charter entries', charterEntrySchema.array());

async function entriesOfStack(member: string | undefined): Promise<CharterEntry[]> {
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
