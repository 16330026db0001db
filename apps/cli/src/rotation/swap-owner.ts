import type { Act, CharterState, QuorumKey, SafeWallet } from '@bulkhead/charter';
import type { Facts } from '@bulkhead/evidence';
import { etherAsset, isEthereumChain, orThrow, OWNER_SWAP } from '@bulkhead/intent';
import { verifyControl } from '@bulkhead/keys';
import type { TransferView } from '../api/custody-client.js';
import { Failure } from '../stack/index.js';
import { chainOwner, freshNonce, type LiveFirm } from './live-firm.js';
import { settle, type Movers, underWay as transfersUnderWay } from './rotate-wallet.js';

interface Incoming {
  readonly key: QuorumKey;
  readonly proof: { readonly nonce: string; readonly signature: string };
}
interface Replacement {
  readonly underWay: {
    readonly retiring: string;
    readonly swap: { readonly retiring: string; readonly incoming: string };
    readonly executed: Pick<
      Extract<Act, { kind: 'wallet.key-replaced' }>,
      'nonce' | 'safeTxHash' | 'transaction'
    > | null;
  } | null;
}

/** Who goes and who comes. */
export interface Exchange {
  readonly lost: string;
  readonly spare: string;
}

const hasKey = (wallet: SafeWallet, signer: string): boolean => wallet.keys.some((key) => key.signer === signer);

export function safeOf(state: CharterState, id: string): SafeWallet {
  const wallet = state.wallets.get(id);
  if (wallet?.kind !== 'safe') throw new Failure(`${id} is no Safe of the charter.`);
  return wallet;
}

/** The charter names the key that goes and the one that comes, whose control this device has verified itself. */
export async function replaceInCharter(firm: LiveFirm, id: string, { lost, spare }: Exchange): Promise<Facts> {
  const state = await firm.charter();
  const wallet = safeOf(state, id);
  const nonce = freshNonce();
  const { key, proof } = await firm.post<Incoming>(`/v1/wallets/${id}/incoming-keys`, { signer: spare, nonce });
  const statement = { nonce, wallet: id, address: wallet.address };
  orThrow(verifyControl(key.publicKey, statement, Buffer.from(proof.signature, 'hex')));
  if (proof.nonce !== nonce) throw new Failure('The key’s proof is an old one.');
  await firm.bring(
    (now) => now.replacements.get(id)?.key.signer === spare || hasKey(safeOf(now, id), spare),
    { kind: 'wallet.replace-key', wallet: id, retiring: lost, key, proof },
    chainOwner(state, wallet.owner),
  );
  return { wallet: id, safe: wallet.address, retiring: lost, incoming: spare, 'incoming key': key.publicKey };
}

/** The Safe executes the swap that the charter permits. Again, it waits for the one that is under way. */
export async function swapOnChain(firm: LiveFirm, id: string): Promise<Facts> {
  const { underWay } = await replacementOf(firm, id);
  if (!underWay) return { wallet: id, swap: 'recorded before' };
  const done = underWay.executed ?? (await execute(firm, id));
  return { wallet: id, retired: underWay.swap.retiring, owner: underWay.swap.incoming, ...done };
}

async function execute(firm: LiveFirm, id: string) {
  const movers = await firm.movers(OWNER_SWAP);
  const open = (await transfersUnderWay(movers, id)).find(({ intent }) => intent.purpose === OWNER_SWAP);
  const settled = await settle(movers, open ?? (await propose(movers, safeOf(await firm.charter(), id))));
  firm.log(`  the Safe of ${id} has swapped its owner: settled in ${settled.txId ?? '?'}`);
  const { underWay } = await replacementOf(firm, id);
  if (!underWay?.executed) throw new Error(`the swap of ${id} is settled, and not found in the chain`);
  return underWay.executed;
}

function propose({ client, proposer }: Movers, { id, address, chain, owner }: SafeWallet): Promise<TransferView> {
  if (!isEthereumChain(chain)) throw new Error('a Safe on a chain that is not EVM');
  const wish = { owner, wallet: id, asset: etherAsset(chain), to: address, amount: 0n, purpose: OWNER_SWAP } as const;
  return client.proposeTransfer(proposer, { ...wish, memo: 'rotation' });
}

/** The charter takes note: from here on the new owner signs. */
export async function recordSwap(firm: LiveFirm, id: string): Promise<Facts> {
  const { underWay } = await replacementOf(firm, id);
  const wallet = safeOf(await firm.charter(), id);
  if (underWay) {
    if (!underWay.executed) throw new Error(`the swap of ${id} is not settled`);
    const act: Act = { kind: 'wallet.key-replaced', wallet: id, ...underWay.executed };
    const owner = chainOwner(await firm.charter(), wallet.owner);
    await firm.enact(act, owner);
  }
  const { keys } = safeOf(await firm.charter(), id);
  return { wallet: id, ...Object.fromEntries(keys.map(({ signer, publicKey }) => [`key of ${signer}`, publicKey])) };
}

const replacementOf = (firm: LiveFirm, id: string): Promise<Replacement> =>
  firm.get<Replacement>(`/v1/wallets/${id}/replacement`);
