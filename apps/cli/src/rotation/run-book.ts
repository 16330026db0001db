import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import type { CharterEntry } from '@bulkhead/charter';
import { buildKit, kitDigest, sealKit, type Facts, type TokenHolder, type Transcript } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import type { Member } from '@bulkhead/approval';
import type { CustodyClient } from '../api/custody-client.js';
import type { RunBook, RunBookStep } from '../ceremony/conduct.js';
import type { MemberDevice } from '../members/member-device.js';
import { Failure, type SignerName } from '../stack/index.js';
import type { Cast } from '../story/cast.js';
import type { ReconciliationView } from '../story/ending.js';
import { replayCharter } from '../operator/charter-replica.js';
import { closeOld, openSuccessor, sweepToSuccessor, type Movers, type RotatedWallet } from './rotate-wallet.js';

export interface RotationPlan {
  readonly firm: Digest;
  readonly members: readonly Member[];
  readonly cast: Cast;
  readonly signer: SignerName;
  readonly reason: string;
  /** Every signer’s token as its ceremony has it, the lost one among them. */
  readonly holders: readonly TokenHolder[];
  /** Puts a new token in its place, starts the signer on it and has the charter name it. @returns what is in place now */
  readonly replaceToken: () => Promise<TokenHolder>;
  /** All wallets that have a key in the lost token. */
  readonly wallets: readonly RotatedWallet[];
  readonly kitFolder: string;
  readonly log: (line: string) => void;
}

/** The run book of a lost or suspected token: every wallet with a key in it gets a successor, and is emptied into it. */
export function rotationRunBook(plan: RotationPlan): RunBook {
  const { cast, wallets, signer, reason } = plan;
  const movers = moversOf(plan);
  const steps: Omit<RunBookStep, 'performer' | 'witness'>[] = [
    {
      id: `loss:${signer}`,
      title: `The token of ${signer} is given up`,
      run: () => Promise.resolve(lossFacts(plan)),
    },
    { id: `token:${signer}`, title: `${signer} gets another token`, run: () => replaced(plan) },
    ...wallets.flatMap((wallet) => [
      {
        id: `open:${wallet.id}`,
        title: `${wallet.id} gets a successor with new keys in every token`,
        run: () => openSuccessor(cast, wallet),
      },
      {
        id: `sweep:${wallet.id}`,
        title: `${wallet.id} pays all it holds to its successor`,
        run: () => sweepToSuccessor(movers, wallet),
      },
      { id: `close:${wallet.id}`, title: `${wallet.id} is frozen`, run: () => closeOld(movers, wallet, reason) },
    ]),
    { id: 'reconciliation', title: 'Register and chains agree', run: () => reconciliation(cast.client, cast.olivia) },
    { id: 'kits', title: 'Recovery kits are written anew', run: (so) => kits(plan, so) },
  ];
  return {
    name: `Rotation of ${signer}`,
    firm: plan.firm,
    members: plan.members,
    steps: steps.map((step, place) => ({
      ...step,
      performer: place % 2 === 0 ? 'oskar' : 'omar',
      witness: place % 2 === 0 ? 'carla' : 'olivia',
    })),
    plan: undefined,
    genesis: () => undefined,
  };
}

/** The operators of the drill: any two decide a freeze, a transfer takes all three. */
const moversOf = ({ cast, firm, log }: RotationPlan): Movers => ({
  client: cast.client,
  proposer: cast.olivia,
  approvers: [cast.omar, cast.oskar],
  charter: () => replayCharter({ client: cast.client, device: cast.olivia, firm }),
  enact: (act, owner) => cast.client.enact(act, cast.olivia, [cast.omar], owner),
  freshAddress: (wallet) => cast.freshAddress(wallet),
  log,
});

const lossFacts = (plan: RotationPlan): Facts => ({
  reason: plan.reason,
  'token label': lostToken(plan).tokenLabel ?? 'not recorded',
  'token serial': lostToken(plan).tokenSerial ?? 'not recorded',
  wallets: plan.wallets.map(({ id }) => id).join(', '),
});

function lostToken({ holders, signer }: RotationPlan): TokenHolder {
  const lost = holders.find((holder) => holder.signer === signer);
  if (!lost) throw new Failure(`No ceremony names a token of ${signer}.`);
  return lost;
}

async function replaced(plan: RotationPlan): Promise<Facts> {
  const lost = lostToken(plan);
  const { signer, tokenLabel, tokenSerial } = await plan.replaceToken();
  if (tokenSerial === lost.tokenSerial) throw new Error(`${signer} still has the token ${lost.tokenSerial ?? ''}`);
  return { signer, label: tokenLabel ?? 'not recorded', serial: tokenSerial ?? 'not recorded' };
}

export async function reconciliation({ api }: CustodyClient, { apiToken }: MemberDevice): Promise<Facts> {
  const report = await api.post<ReconciliationView>('/v1/reconciliations', apiToken, {});
  if (!report.balanced) throw new Error('the register differs from the chains');
  return Object.fromEntries(
    report.lines.map(({ wallet, asset, chain }) => [`${wallet} ${asset}`, `${chain} on both sides`]),
  );
}

/** Old kits name wallets that are empty now. */
async function kits(
  { cast, firm, wallets, kitFolder, holders: before, signer }: RotationPlan,
  { signed }: Transcript,
): Promise<Facts> {
  const entries = await cast.client.api.get<{ entry: CharterEntry }[]>(
    '/v1/charter/entries?limit=500',
    cast.olivia.apiToken,
  );
  const serial = signed.find(({ id }) => id.startsWith('token:'))?.facts.serial ?? null;
  const holders = before.map((holder) => (holder.signer === signer ? { ...holder, tokenSerial: serial } : holder));
  const facts: Record<string, string> = {};
  for (const owner of new Set(wallets.map((wallet) => wallet.owner))) {
    const at = new Date().toISOString();
    const kit = orThrow(
      buildKit(
        entries.map(({ entry }) => entry),
        firm,
        owner,
        holders,
        at,
      ),
    );
    writeFileSync(join(kitFolder, `${owner}.kit.json`), sealKit(kit));
    facts[`kit of ${owner}`] = kitDigest(kit);
  }
  return facts;
}
