import type { Act, CharterState, MpcWallet } from '@bulkhead/charter';
import { InvalidArgumentError, type Command } from 'commander';
import { Failure } from '../stack/index.js';
import { proposeShown } from './charter-commands.js';
import { replayCharter } from './charter-replica.js';
import { openSession, type Session } from './session.js';

type Switch = Extract<Act, { kind: 'mpc-wallet.switch' }>;

interface Wanted {
  readonly members: readonly string[];
  readonly threshold: number;
}
interface Following {
  readonly as: string;
  readonly approve?: string;
}

const AS = ['--as <member>', 'who acts: an engineer, as the charter of `up` has it', 'erika'] as const;

/** Shares of an MPC wallet's key: to other members, or new ones for the same. */
export function addMpcCommands(program: Command): void {
  const mpc = program.command('mpc').description('shares of MPC wallets: to other members, or new for the same ones');
  mpc
    .command('reshare <wallet>')
    .description('bring the shares of a wallet’s key to other members or another threshold; the address stays')
    .requiredOption('--members <signers>', 'who shall hold shares, comma-separated', ascending)
    .requiredOption('--threshold <number>', 'how many of them sign', wholeNumber)
    .option('--approve <members>', 'who approves both acts at once, comma-separated')
    .option(...AS)
    .addHelpText(
      'after',
      `
Two acts of the charter: one permits it, then the signers deal, and the other puts the new shares into use; then the old
ones are destroyed, and shares are dealt once more. Until the second act the present members sign. Where it stops for
approvals or a delay, it says what to do; then give the same command again, and it goes on.
Exit status 0: done as far as it can be now; 1: refused, and the error output says why and what to do.`,
    )
    .action(async (wallet: string, { members, threshold, ...following }: Wanted & Following) => {
      await reshare(await openSession(following.as), wallet, { members, threshold }, following);
    });
  mpc
    .command('refresh <wallet>')
    .description('have its members deal new shares of the same key; copies of the old ones are worth nothing then')
    .option(...AS)
    .action(async (wallet: string, { as }: Following) => {
      await refresh(await openSession(as), wallet);
    });
}

async function reshare(session: Session, id: string, wanted: Wanted, following: Following): Promise<void> {
  const before = await look(session, id);
  if (isHeldBy(before.wallet, wanted)) {
    await finish(session, id);
    return;
  }
  if (await mustWait(session, before.state, id)) return;
  if (!permits(before.state, id, wanted)) {
    const permit: Act = { kind: 'mpc-wallet.reshare', wallet: id, ...wanted, members: [...wanted.members] };
    await proposeShown(session, permit, following);
    if (!permits((await look(session, id)).state, id, wanted)) return;
  }
  console.log('\nThe present members deal new shares…');
  const { keys } = await session.client.api.post<Pick<Switch, 'keys'>>(
    `/v1/wallets/${id}/resharings`,
    session.device.apiToken,
    {},
  );
  console.log('Each new member has shown that it keeps its share.\n');
  await proposeShown(session, { kind: 'mpc-wallet.switch', wallet: id, keys }, following);
  if (isHeldBy((await look(session, id)).wallet, wanted)) await finish(session, id);
}

/** After the switch: the shares of before are destroyed, and those that were dealt on the way are made worthless. */
async function finish(session: Session, id: string): Promise<void> {
  const { client, device } = session;
  const { released } = await client.api.post<{ released: string[] }>(
    `/v1/wallets/${id}/share-releases`,
    device.apiToken,
    {},
  );
  console.log(`\n${released.join(', ')}: nothing of the shares of before is left there.`);
  await refresh(session, id);
}

async function refresh({ client, device }: Session, id: string): Promise<void> {
  const { epoch } = await client.api.post<{ epoch: number }>(`/v1/wallets/${id}/share-refreshes`, device.apiToken, {});
  console.log(`${id} has new shares of the same key: epoch ${epoch}.`);
}

async function look(session: Session, id: string): Promise<{ state: CharterState; wallet: MpcWallet }> {
  const state = await replayCharter(session);
  const wallet = state.wallets.get(id);
  if (wallet?.kind === 'taproot-mpc') return { state, wallet };
  throw new Failure(`${id} is no MPC wallet.`, 'See what there is: bulkhead keys list');
}

/** Says what has been proposed for the wallet and is not in force yet: a second dealing would only be in its way. */
async function mustWait({ client, device }: Session, state: CharterState, id: string): Promise<boolean> {
  const isAbout = (act: Act) =>
    (act.kind === 'mpc-wallet.reshare' || act.kind === 'mpc-wallet.switch') && act.wallet === id;
  const intents = await client.charterIntents(device);
  const open = intents.find(({ status, intent }) => status === 'PENDING_APPROVAL' && isAbout(intent.act));
  if (open) {
    console.log(`${open.intent.act.kind} still needs: ${open.missing ?? 'to be enacted'}.`);
    console.log(`  npx bulkhead charter approve ${open.id} --as <member>`);
  }
  const waiting = [...state.pending].find(([, { act }]) => isAbout(act));
  if (waiting) {
    const [intent, { act, notBefore }] = waiting;
    console.log(`${act.kind} waits until ${notBefore}; then:`);
    console.log(`  npx bulkhead charter enact ${intent} --as <member> --approve <members>`);
  }
  return open !== undefined || waiting !== undefined;
}

function permits(state: CharterState, id: string, { members, threshold }: Wanted): boolean {
  const permit = state.resharings.get(id)?.permit;
  return permit?.threshold === threshold && permit.members.join() === members.join();
}

const isHeldBy = ({ keys, threshold }: MpcWallet, wanted: Wanted): boolean =>
  threshold === wanted.threshold && keys.map(({ signer }) => signer).join() === wanted.members.join();

const ascending = (typed: string): string[] =>
  typed
    .split(',')
    .map((name) => name.trim())
    .sort();

function wholeNumber(typed: string): number {
  if (!/^\d{1,2}$/.test(typed)) throw new InvalidArgumentError('Not a whole number.');
  return Number(typed);
}
