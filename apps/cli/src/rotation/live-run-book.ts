import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BitcoinWallet, CharterState, Wallet } from '@bulkhead/charter';
import { buildKit, kitDigest, sealKit, type Facts } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import type { RunBook, RunBookStep } from '../ceremony/conduct.js';
import { charterEntries } from '../operator/charter-replica.js';
import { Failure } from '../stack/index.js';
import { chainOwner, type LiveFirm } from './live-firm.js';
import { closeOld, successorOf, sweepToSuccessor } from './rotate-wallet.js';
import { reconciliation } from './run-book.js';
import { endOldShares, permitResharing, switchShares } from './reshare-wallet.js';
import { suspendKeys } from './suspend-keys.js';
import { recordSwap, replaceInCharter, swapOnChain, type Exchange } from './swap-owner.js';

export interface LiveRotation extends Exchange, Affected {
  readonly firm: LiveFirm;
  readonly reason: string;
  readonly kitFolder: string;
  /** Who performs and who witnesses, step after step in turn. */
  readonly rota: readonly Pick<RunBookStep, 'performer' | 'witness'>[];
}

/** Ids of the wallets that are given other keys, in the order of the run book. */
export interface Affected {
  readonly safes: readonly string[];
  readonly bitcoin: readonly string[];
  readonly mpc: readonly string[];
}

/**
 * The wallets that the lost signer has a key of. A wallet that the charter has frozen is at rest: it was emptied before, or
 * somebody wants it to be.
 *
 * @throws Failure for a gas payer in the lost token, which has no other key
 */
export function affectedBy(state: CharterState, lost: string): Affected {
  const wallets = [...state.wallets.values()].filter(
    ({ id, keys }) => keys.some(({ signer }) => signer === lost) && !state.frozen.has(`wallet:${id}`),
  );
  const ofKind = (kind: Wallet['kind']): string[] => wallets.filter((one) => one.kind === kind).map(({ id }) => id);
  const [payer] = ofKind('gas-payer');
  if (payer !== undefined) {
    throw new Failure(`${payer} has its one key in ${lost}.`, 'Open another gas payer with another signer first.');
  }
  return {
    safes: ofKind('safe').sort(),
    bitcoin: ofKind('bitcoin-multisig').sort(),
    mpc: ofKind('taproot-mpc').sort(),
  };
}

/**
 * The run book of a lost or suspected token, on a firm that runs: its keys are suspended first, then a Safe swaps an
 * owner, a Bitcoin wallet moves, an MPC wallet's shares are dealt anew.
 */
export function liveRunBook(plan: LiveRotation, state: CharterState): RunBook {
  const { firm, lost, spare, safes, bitcoin, mpc, reason, rota } = plan;
  const steps: Omit<RunBookStep, 'performer' | 'witness'>[] = [
    { id: `suspend:${lost}`, title: `Every key of ${lost} is suspended`, run: () => suspendKeys(firm, lost, reason) },
    { id: `loss:${lost}`, title: `The token of ${lost} is given up`, run: () => lossFacts(plan) },
    { id: `enrol:${spare}`, title: `${spare} comes into service with a token of its own`, run: () => enrol(plan) },
    ...safes.flatMap((id) => [
      {
        id: `replace:${id}`,
        title: `The charter replaces the key of ${lost} in ${id}`,
        run: () => replaceInCharter(firm, id, plan),
      },
      { id: `swap:${id}`, title: `The Safe of ${id} swaps its owner`, run: () => swapOnChain(firm, id) },
      { id: `record:${id}`, title: `The charter takes note of the swap`, run: () => recordSwap(firm, id) },
    ]),
    ...bitcoin.flatMap((id) => [
      { id: `open:${id}`, title: `${id} gets a successor without ${lost}`, run: () => openNext(plan, id) },
      {
        id: `sweep:${id}`,
        title: `${id} pays all it holds to its successor`,
        run: async () => sweepToSuccessor(await firm.movers('PAYMENT'), bitcoinOf(await firm.charter(), id)),
      },
      {
        id: `close:${id}`,
        title: `${id} is frozen`,
        run: async () => {
          const now = await firm.charter();
          const facts = { frozen: id, reason };
          return now.frozen.has(`wallet:${id}`) ? facts : closeOld(firm, bitcoinOf(now, id), reason);
        },
      },
    ]),
    ...mpc.flatMap((id) => [
      {
        id: `permit:${id}`,
        title: `The charter permits ${spare} a share of ${id} in the place of ${lost}`,
        run: () => permitResharing(firm, id, plan),
      },
      { id: `reshare:${id}`, title: `${id} is signed for by new shares`, run: () => switchShares(firm, id, plan) },
      { id: `release:${id}`, title: `The old shares of ${id} are destroyed`, run: () => endOldShares(firm, id) },
    ]),
    { id: `retire:${lost}`, title: `${lost} is retired for good`, run: () => retire(plan) },
    { id: 'reconciliation', title: 'Register and chains agree', run: () => reconciliation(firm.client, firm.asking) },
    { id: 'kits', title: 'Recovery kits are written anew', run: () => kits(plan) },
  ];
  return {
    name: `Rotation of ${lost} to ${spare}`,
    firm: firm.workplace.firm,
    members: [...state.members.values()],
    steps: steps.map((step, place) => {
      const people = rota[place % rota.length];
      if (!people) throw new Error('a rotation that nobody performs');
      return { ...step, ...people };
    }),
    plan: undefined,
    genesis: () => undefined,
  };
}

async function lossFacts({ firm, lost, spare, reason, safes, bitcoin, mpc }: LiveRotation): Promise<Facts> {
  const { signers } = await firm.charter();
  return {
    reason,
    signer: lost,
    'token serial': signers.get(lost)?.tokenSerial ?? 'not recorded',
    'taken over by': spare,
    safes: safes.join(', ') || 'none',
    'bitcoin wallets': bitcoin.join(', ') || 'none',
    'MPC wallets': mpc.join(', ') || 'none',
  };
}

async function enrol({ firm, spare }: LiveRotation): Promise<Facts> {
  const signer = firm.workplace.spare();
  if (signer.id !== spare) throw new Failure(`${signer.id} stands by, and not ${spare}.`);
  await firm.bring(({ signers }) => signers.has(spare), { kind: 'signer.enrol', signer });
  return { signer: spare, certificate: signer.tlsFingerprint, 'token serial': signer.tokenSerial ?? 'not recorded' };
}

/** A wallet on the terms of the old one, with a fresh key of each signer that stays and one of the new. */
async function openNext({ firm, lost, spare }: LiveRotation, id: string): Promise<Facts> {
  const state = await firm.charter();
  const old = bitcoinOf(state, id);
  const next = successorOf(id);
  if (!state.wallets.has(next)) {
    const signers = old.keys.map(({ signer }) => (signer === lost ? spare : signer));
    const { keys } = await firm.post<Pick<BitcoinWallet, 'keys'>>('/v1/wallet-keys', { wallet: next, signers });
    await firm.enact({ kind: 'wallet.open', wallet: { ...old, id: next, keys } }, chainOwner(state, old.owner));
  }
  const opened = bitcoinOf(await firm.charter(), next);
  if (opened.keys.some(({ signer }) => signer === lost)) throw new Error(`${next} has a key of ${lost}`);
  return {
    'old wallet': id,
    'new wallet': next,
    ...Object.fromEntries(opened.keys.map(({ signer, publicKey }) => [`key of ${signer}`, publicKey])),
  };
}

async function retire({ firm, lost }: LiveRotation): Promise<Facts> {
  const isRetired = ({ signers }: CharterState): boolean => signers.get(lost)?.retired === true;
  await firm.bring(isRetired, { kind: 'signer.retire', signer: lost });
  return { retired: lost };
}

/** Old kits name a token that is no more. */
async function kits({ firm, safes, bitcoin, mpc, kitFolder }: LiveRotation): Promise<Facts> {
  const entries = (await charterEntries({ client: firm.client, device: firm.asking })).map(({ entry }) => entry);
  const state = await firm.charter();
  const holders = firm.workplace.holders();
  const owners = new Set([...safes, ...bitcoin, ...mpc].flatMap((id) => state.wallets.get(id)?.owner ?? []));
  const facts: Record<string, string> = {};
  for (const owner of owners) {
    const kit = orThrow(buildKit(entries, firm.workplace.firm, owner, holders, new Date().toISOString()));
    writeFileSync(join(kitFolder, `${owner}.kit.json`), sealKit(kit));
    facts[`kit of ${owner}`] = kitDigest(kit);
  }
  return facts;
}

function bitcoinOf(state: CharterState, id: string): BitcoinWallet {
  const wallet = state.wallets.get(id);
  if (wallet?.kind !== 'bitcoin-multisig') throw new Failure(`${id} is no Bitcoin wallet of the charter.`);
  return wallet;
}
