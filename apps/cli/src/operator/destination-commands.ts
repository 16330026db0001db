import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CATEGORIES, ownershipProofSchema, type Act, type Category, type OwnershipProof } from '@bulkhead/charter';
import { type ChainId } from '@bulkhead/intent';
import { Option, type Command } from 'commander';
import type { CharterIntentView } from '../api/custody-client.js';
import { Failure } from '../stack/index.js';
import { approversAtOnce, AS, openSession, type As, type Session } from './session.js';
import { table } from './table.js';

interface About extends As {
  readonly owner: string;
  readonly address: string;
}
interface Request extends About {
  readonly label: string;
  readonly category: Category;
  readonly proof?: string;
  readonly proofKind?: OwnershipProof['kind'];
  readonly approve?: string;
}
interface DestinationView {
  readonly id: string;
  readonly owner: string;
  readonly chain: ChainId;
  readonly address: string;
  readonly label: string;
  readonly state: string;
  readonly category: string;
  readonly ownership: string;
  readonly looksLike: string | null;
  readonly usableFrom: string;
  readonly testPaidAt: string | null;
}

/** Where clients are paid out to: ask for one, prove whose it is, see how it stands, take it away. */
export function addDestinationCommands(program: Command): void {
  program
    .command('destinations')
    .description('destinations of every owner: cooling, usable or revoked, proven or not, tried or not')
    .option(...AS)
    .action(async ({ as }: As) => {
      await list(await openSession(as));
    });
  const destination = program.command('destination').description('request, prove and revoke destinations');
  about(destination.command('message'))
    .description('print the text that the holder of an address signs to prove that it is theirs')
    .action(async ({ as, owner, address }: About) => {
      const session = await openSession(as);
      process.stdout.write(await messageFor(session, owner, address));
    });
  about(destination.command('request'))
    .description('ask for an address to be registered as a destination; it cools before it can be paid')
    .requiredOption('--label <text>', 'what it is')
    .addOption(new Option('--category <category>', 'who holds it').choices(CATEGORIES).default('SELF_HOSTED'))
    .option('--proof <signature>', 'a signature of the text of `destination message`, or @<file> with one')
    .addOption(
      new Option('--proof-kind <kind>', 'default: by the chain').choices(ownershipProofSchema.shape.kind.options),
    )
    .option('--approve <members>', 'who approves at once, comma-separated')
    .action(async (request: Request) => {
      await ask(request);
    });
  about(destination.command('revoke'))
    .description('take a destination away, at once')
    .option('--approve <members>', 'who approves at once, comma-separated')
    .action(async (request: About & { readonly approve?: string }) => {
      const { as, owner, address, approve } = request;
      const session = await openSession(as);
      await decide(
        session,
        { kind: 'destination.revoke', owner, chain: await chainOf(session, address), address },
        approversAtOnce(approve, 'omar'),
      );
    });
}

const about = (command: Command): Command =>
  command
    .requiredOption('--owner <owner>', 'whose destination')
    .requiredOption('--address <address>', 'the address')
    .option(...AS);

async function list({ client, device }: Session): Promise<void> {
  const all = await client.api.get<DestinationView[]>('/v1/destinations', device.apiToken);
  if (all.length === 0) console.log('No destination is registered yet.');
  const header = ['owner', 'state', 'address', 'label', 'held', 'ownership', 'tried', 'looks like'];
  const rows = all.map((one) => [
    one.owner,
    one.state === 'COOLING' ? `COOLING until ${one.usableFrom}` : one.state,
    one.address,
    one.label,
    one.category,
    one.ownership,
    one.testPaidAt ?? 'no',
    one.looksLike ?? '',
  ]);
  if (rows.length > 0) for (const row of table(header, rows)) console.log(row);
}

const isAccount = (address: string): boolean => address.startsWith('0x');

async function chainOf({ client, device }: Session, address: string): Promise<ChainId> {
  const { bitcoin, ethereum } = await client.charter(device);
  return isAccount(address) ? ethereum : bitcoin;
}

async function messageFor(session: Session, owner: string, address: string): Promise<string> {
  const { client, device } = session;
  const query = new URLSearchParams({ chain: await chainOf(session, address), address });
  const path = `/v1/owners/${encodeURIComponent(owner)}/destinations/ownership-message?${query}`;
  return (await client.api.get<{ message: string }>(path, device.apiToken)).message;
}

async function ask({ as, owner, address, label, category, proof, proofKind, approve }: Request): Promise<void> {
  const session = await openSession(as);
  const kind = proofKind ?? (isAccount(address) ? 'eip191' : 'bip322');
  const act: Act = {
    kind: 'destination.approve',
    id: randomUUID(),
    owner,
    chain: await chainOf(session, address),
    address,
    label,
    category,
    ...(proof !== undefined && { proof: { kind, signature: signatureOf(proof) } }),
  };
  await decide(session, act, approversAtOnce(approve, ''));
  const all = await session.client.api.get<DestinationView[]>(
    `/v1/destinations?owner=${owner}`,
    session.device.apiToken,
  );
  const found = all.find(({ id }) => id === act.id);
  if (found) console.log(`It is ${found.state}, usable from ${found.usableFrom}; ownership: ${found.ownership}.`);
}

const signatureOf = (text: string): string =>
  (text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text).trim();

async function decide(
  { client, device }: Session,
  act: Act & { readonly owner: string },
  approvers: readonly string[],
): Promise<void> {
  const owners = await client.api.get<{ id: string; estate: string }[]>('/v1/owners', device.apiToken);
  const estate = owners.find(({ id }) => id === act.owner)?.estate;
  if (estate === undefined)
    throw new Failure(`No owner ${act.owner}.`, `One of ${owners.map(({ id }) => id).join(', ')}`);
  let view: CharterIntentView = await client.proposeAct(device, act, estate === 'CLIENT' ? act.owner : undefined);
  for (const member of approvers) view = await client.approveAct((await openSession(member)).device, view);
  console.log(`${act.kind}: intent ${view.id} is ${view.status}.`);
  if (view.refusal) throw new Failure(`${view.refusal.code}: ${view.refusal.detail}`, 'Propose it anew.');
}
