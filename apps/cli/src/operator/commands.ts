import type { FreezeScope } from '@bulkhead/charter';
import { type Command } from 'commander';
import { formatUnits, parseUnits } from 'ethers';
import type { TransferView } from '../api/custody-client.js';
import { Failure } from '../stack/index.js';
import { reconciliationTable, type AssetView, type ReconciliationView } from '../story/ending.js';
import type { Position } from '../story/money.js';
import { replayCharter } from './charter-replica.js';
import { readTransfer, type OwnReading } from './own-reading.js';
import { approversAtOnce, AS, openSession, type As, type Session } from './session.js';
import { table } from './table.js';

interface Wish extends As {
  readonly wallet: string;
  readonly asset: string;
  readonly to: string;
  readonly amount: string;
  readonly maxFee: string;
  readonly memo: string;
  readonly test: boolean;
  readonly replaces?: string;
}

interface FreezeOptions extends As {
  readonly reason: string;
  readonly approve?: string;
}

/** What custody operators do on the running development stack, from a terminal. */
export function addOperatorCommands(program: Command): void {
  program
    .command('balances')
    .description('the register of positions: what every owner holds')
    .option(...AS)
    .action(async ({ as }: As) => {
      await balances(await openSession(as));
    });
  program
    .command('transfers')
    .description('every transfer and its state, newest first')
    .option(...AS)
    .action(async ({ as }: As) => {
      await transfers(await openSession(as));
    });
  program
    .command('propose')
    .description('propose a payout from a client’s wallet to one of its approved destinations')
    .requiredOption('--wallet <wallet>', 'the wallet that pays, for example alpha-btc')
    .requiredOption('--asset <symbol>', 'BTC, ETH or TUSD')
    .requiredOption('--to <address>', 'an approved destination (see: bulkhead destinations)')
    .requiredOption('--amount <amount>', 'in whole units, for example 0.25')
    .option('--max-fee <amount>', 'the most that the network may take, in whole units of the chain’s coin', '0.0002')
    .option('--memo <text>', 'a note', '')
    .option('--replaces <transfer>', 'put it in the place of one that waits for approvals, which it ends for good')
    .option('--test', 'a test payment: small, and also while the destination cools', false)
    .option(...AS)
    .action(async (wish: Wish) => {
      await propose(await openSession(wish.as), wish);
    });
  for (const decision of ['approve', 'reject'] as const) {
    program
      .command(`${decision} <transfer>`)
      .description(`${decision} the exact bytes of a transfer, shown decoded`)
      .option(...AS)
      .action(async (id: string, { as }: As) => {
        await decide(await openSession(as), id, decision);
      });
  }
  for (const act of ['freeze', 'unfreeze'] as const) {
    program
      .command(`${act} <scope>`)
      .description(`${act} firm, owner:<id> or wallet:<id>: proposed as --as, approved by --approve`)
      .option('--reason <text>', 'why', 'not given')
      .option('--approve <members>', 'who approves at once, comma-separated')
      .option(...AS)
      .action(async (scope: string, options: FreezeOptions) => {
        await freeze(act, scope, options);
      });
  }
  program
    .command('incidents')
    .description('what a person must look into; exit status 1 while one is open')
    .option('--all', 'closed ones, too', false)
    .option(...AS)
    .action(async ({ as, all }: As & { readonly all: boolean }) => {
      await incidents(await openSession(as), all);
    });
  program
    .command('reconcile')
    .description('compare the register with both chains and print the difference; exit status 1 when there is one')
    .option(...AS)
    .action(async ({ as }: As) => {
      await reconcile(await openSession(as));
    });
}

const shown = (assets: readonly AssetView[], id: string, amount: string): string => {
  const asset = assets.find((candidate) => candidate.id === id);
  return asset ? `${formatUnits(amount, asset.decimals)} ${asset.symbol}` : `${amount} ${id}`;
};

async function balances({ client, device, assets }: Session): Promise<void> {
  const positions = await client.api.get<Position[]>('/v1/ledger/positions', device.apiToken);
  print(
    ['owner', 'wallet', 'on chain', 'available'],
    positions.map(({ owner, wallet, asset, walletTotal, available }) => [
      owner,
      wallet,
      shown(assets, asset, walletTotal),
      shown(assets, asset, available),
    ]),
    'Nobody holds anything yet.',
  );
}

async function transfers({ client, device, assets }: Session): Promise<void> {
  const all = await client.api.get<TransferView[]>('/v1/transfers', device.apiToken);
  print(
    ['id', 'state', 'wallet', 'amount', 'to', 'approved by'],
    all.map(({ id, state, intent, approvals }) => [
      id,
      state,
      intent.wallet,
      shown(assets, intent.asset, intent.amount),
      intent.to,
      approvals.map(({ member }) => member).join(', '),
    ]),
    'There are no transfers yet.',
  );
}

async function propose(session: Session, wish: Wish): Promise<void> {
  const { client, device, assets } = session;
  const asset = assets.find(({ symbol }) => symbol === wish.asset.toUpperCase());
  if (!asset) throw new Failure(`No asset ${wish.asset}.`, `One of ${assets.map(({ symbol }) => symbol).join(', ')}`);
  const wallets = await client.api.get<{ id: string; owner: string }[]>('/v1/wallets', device.apiToken);
  const wallet = wallets.find(({ id }) => id === wish.wallet);
  if (!wallet) throw new Failure(`No wallet ${wish.wallet}.`, `One of ${wallets.map(({ id }) => id).join(', ')}`);
  const replaces = wish.replaces === undefined ? undefined : await replaced(session, wish.replaces);
  const view = await client.proposeTransfer(device, {
    owner: wallet.owner,
    wallet: wallet.id,
    asset: asset.id,
    to: wish.to,
    amount: units('--amount', wish.amount, asset.decimals),
    maxFee: asset.symbol === 'BTC' ? units('--max-fee', wish.maxFee, asset.decimals) : 0n,
    memo: wish.memo,
    ...(replaces && { replaces }),
    purpose: wish.test ? 'TEST_PAYMENT' : 'PAYMENT',
  });
  const { checked } = await show(session, view.id, view);
  if (!checked.ok) throw new Failure(`${checked.refusal.code}: ${checked.refusal.detail}`, 'Nobody should approve it.');
  console.log(
    `\n${wish.test ? 'Another operator approves' : 'Two other operators approve'} it:\n  npx bulkhead approve ${view.id} --as omar`,
  );
}

/** The transfer that its proposer ends, shown: the REJECT that is signed names these bytes. */
async function replaced(session: Session, id: string): Promise<TransferView> {
  const { view } = await show(session, id, await session.client.transfer(session.device, id));
  console.log('is ended; in its place:\n');
  return view;
}

function units(option: string, text: string, decimals: number): bigint {
  try {
    return parseUnits(text, decimals);
  } catch {
    throw new Failure(`${option} is "${text}", which is no amount.`, `Digits with at most ${decimals} decimal places.`);
  }
}

/** Shows what the bytes do as this device reads them; an approval of what does not hold is not signed. */
async function decide(session: Session, id: string, decision: 'approve' | 'reject'): Promise<void> {
  const { client, device } = session;
  const { view, checked } = await show(session, id, await client.transfer(device, id));
  if (decision === 'approve' && !checked.ok) {
    throw new Failure(`${checked.refusal.code}: ${checked.refusal.detail}`, 'Nothing was signed.');
  }
  const after = await client.approveTransfer(device, view, decision === 'approve' ? 'APPROVE' : 'REJECT');
  console.log(`\n${device.id} has spoken; the transfer is ${after.state}.`);
}

async function show(session: Session, id: string, shown: TransferView): Promise<OwnReading> {
  const reading = readTransfer(await replayCharter(session), id, shown, new Date().toISOString());
  console.log(`transfer ${id}: ${shown.state}`);
  for (const line of reading.lines) console.log(line);
  return reading;
}

/** The charter holds the freeze, so that each signer holds to it as well. */
async function freeze(act: 'freeze' | 'unfreeze', text: string, { as, approve, reason }: FreezeOptions): Promise<void> {
  const scope = freezeScope(text);
  const { client, device } = await openSession(as);
  let view = await client.proposeAct(device, act === 'freeze' ? { kind: act, scope, reason } : { kind: act, scope });
  for (const id of approversAtOnce(approve, act === 'freeze' ? 'omar' : 'omar,carla'))
    view = await client.approveAct((await openSession(id)).device, view);
  if (view.refusal) throw new Failure(`${view.refusal.code}: ${view.refusal.detail}`);
  if (view.status === 'ENACTED') {
    console.log(`${text} is ${act === 'freeze' ? 'frozen' : 'free again (at once, or after the charter’s delay)'}.`);
    return;
  }
  throw new Failure(
    `${text} is not ${act === 'freeze' ? 'frozen' : 'free'} yet: ${view.missing ?? 'it is to be enacted'}.`,
    `npx bulkhead charter approve ${view.id} --as <member>`,
  );
}

function freezeScope(text: string): FreezeScope {
  const [of, id] = text.split(':');
  if (text === 'firm') return { of: 'firm' };
  if (of === 'owner' && id) return { of, owner: id };
  if (of === 'wallet' && id) return { of, wallet: id };
  throw new Failure(`"${text}" is nothing to freeze.`, 'Say firm, owner:<id> or wallet:<id>.');
}

interface IncidentView {
  readonly id: string;
  readonly kind: string;
  readonly wallet: string | null;
  readonly status: string;
  readonly at: string;
  readonly detail: Readonly<Record<string, string>>;
  readonly closed: { readonly resolution: string } | null;
}

async function incidents({ client, device }: Session, all: boolean): Promise<void> {
  const found = await client.api.get<IncidentView[]>(`/v1/incidents${all ? '' : '?status=OPEN'}`, device.apiToken);
  print(
    ['id', 'kind', 'wallet', 'at', all ? 'resolution' : 'detail'],
    found.map(({ id, kind, wallet, at, detail, closed }) => [
      id,
      kind,
      wallet ?? '(firm)',
      at,
      all
        ? (closed?.resolution ?? 'open')
        : Object.entries(detail)
            .map(([name, value]) => `${name}=${value}`)
            .join(' '),
    ]),
    all ? 'There was never an incident.' : 'No incident is open.',
  );
  if (found.some(({ status }) => status === 'OPEN')) process.exitCode = 1;
}

async function reconcile({ client, device, assets }: Session): Promise<void> {
  const report = await client.api.post<ReconciliationView>('/v1/reconciliations', device.apiToken, {});
  for (const row of reconciliationTable(report, assets)) console.log(row);
  console.log(
    report.balanced ? '\nDifference: zero.' : '\nThere is a difference: the wallet is frozen, see /v1/incidents.',
  );
  if (!report.balanced) process.exitCode = 1;
}

function print(header: readonly string[], rows: readonly (readonly string[])[], empty: string): void {
  if (rows.length === 0) console.log(empty);
  else for (const row of table(header, rows)) console.log(row);
}
