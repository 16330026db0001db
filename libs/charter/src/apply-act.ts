import { accepted, chainOfAsset, refused, type ChainId, type Result } from '@bulkhead/intent';
import type { ManagedAddress } from '@bulkhead/segregation';
import type { Act, Wallet } from './acts.js';
import { canonicalAddress, walletAddresses } from './addresses.js';
import { approveDestination, revokeDestination } from './apply-destination.js';
import {
  enrolKey,
  enrolMember,
  freeze,
  removeGroup,
  renewMember,
  revokeKey,
  revokeMember,
  setGroup,
  setLimits,
  setQuorum,
  setRules,
  unfreeze,
} from './apply-governance.js';
import { activateKey, checkNoneSuspended, destroyKey, retireKey, reviewKeys, suspendKey } from './apply-key.js';
import { checkHolder } from './holders.js';
import { staysSpendable } from './key-life.js';
import { removePolicy, setPolicy } from './apply-policy.js';
import { enrolSigner, retireSigner } from './apply-signers.js';
import { clientChain, FIRM_CHAIN, type ChainName } from './entry.js';
import { keyReplaced, replaceKey } from './key-replacement.js';
import { addShapes } from './look-alikes.js';
import { moveToken } from './move-token.js';
import { permitResharing, switchShares, withdrawResharing } from './mpc-resharing.js';
import { takeDue, veto } from './pending.js';
import { addressKey, isFirmChain, safeContractsOf, type CharterState, type Owner } from './state.js';

/** An act about one client stands on that client's chain; everything else on the firm's. */
export function chainOfAct(state: CharterState, act: Act): ChainName {
  const ofOwner = (owner: string): ChainName =>
    state.owners.get(owner)?.estate === 'CLIENT' ? clientChain(owner) : FIRM_CHAIN;
  switch (act.kind) {
    case 'client.open':
      return clientChain(act.owner.id);
    case 'wallet.open':
      return ofOwner(act.wallet.owner);
    case 'wallet.replace-key':
    case 'wallet.key-replaced':
    case 'mpc-wallet.reshare':
    case 'mpc-wallet.withdraw':
    case 'mpc-wallet.switch':
      return ofOwner(state.wallets.get(act.wallet)?.owner ?? '');
    case 'destination.approve':
    case 'destination.revoke':
      return ofOwner(act.owner);
    case 'key.suspend':
    case 'key.activate':
    case 'key.retire':
    case 'key.destroy':
    case 'key.review':
      return ofOwner(state.wallets.get(act.wallet)?.owner ?? '');
    case 'policy.set':
      return act.owner === null ? FIRM_CHAIN : ofOwner(act.owner);
    case 'policy.remove': {
      const owner = state.policies.get(act.id)?.owner ?? null;
      return owner === null ? FIRM_CHAIN : ofOwner(owner);
    }
    case 'break-glass':
      return chainOfAct(state, act.act);
    case 'pending.enact':
    case 'pending.veto':
      return state.pending.get(act.intent)?.chain ?? FIRM_CHAIN;
    case 'genesis':
    case 'house.open':
    case 'asset.list':
    case 'proprietary-address.declare':
    case 'member.enrol':
    case 'member.revoke':
    case 'member.renew':
    case 'member-key.enrol':
    case 'member-key.revoke':
    case 'group.set':
    case 'group.remove':
    case 'quorum.set':
    case 'limits.set':
    case 'rules.set':
    case 'calendar.set':
    case 'signer.enrol':
    case 'signer.retire':
    case 'signer.move-token':
    case 'freeze':
    case 'unfreeze':
    case 'incident.close':
      return FIRM_CHAIN;
  }
}

/**
 * The state after an act whose place and approvals have been checked.
 *
 * @param at RFC 3339 instant of its enactment.
 */
export function applyAct(state: CharterState, act: Act, at: string): Result<CharterState> {
  switch (act.kind) {
    case 'genesis':
      return refused('charter.fork', 'A charter has one genesis.');
    case 'house.open':
      return openOwner(state, { ...act.owner, estate: 'HOUSE' });
    case 'client.open':
      return openOwner(state, { ...act.owner, estate: 'CLIENT' });
    case 'asset.list':
      return listAsset(state, act);
    case 'proprietary-address.declare':
      return declareProprietary(state, act);
    case 'wallet.open': {
      const opened = openWallet(state, act.wallet);
      return opened.ok ? reviewKeys(opened.value, { wallet: act.wallet.id }, at) : opened;
    }
    case 'wallet.replace-key':
      return keepingQuorum(state, act.wallet, replaceKey(state, act, at));
    case 'wallet.key-replaced':
      return keyReplaced(state, act, at);
    case 'mpc-wallet.reshare': {
      const active = checkNoneSuspended(state, act.wallet, act.members);
      return active.ok ? permitResharing(state, act) : active;
    }
    case 'mpc-wallet.withdraw':
      return withdrawResharing(state, act);
    case 'mpc-wallet.switch': {
      const signers = act.keys.map(({ signer }) => signer);
      const active = checkNoneSuspended(state, act.wallet, signers);
      return active.ok ? switchShares(state, act, at) : active;
    }
    case 'destination.approve':
      return approveDestination(state, act, at);
    case 'destination.revoke':
      return revokeDestination(state, act, at);
    case 'member.enrol':
      return enrolMember(state, act);
    case 'member.revoke':
      return revokeMember(state, act);
    case 'member.renew':
      return renewMember(state, act);
    case 'member-key.enrol':
      return enrolKey(state, act);
    case 'member-key.revoke':
      return revokeKey(state, act);
    case 'group.set':
      return setGroup(state, act);
    case 'group.remove':
      return removeGroup(state, act);
    case 'quorum.set':
      return setQuorum(state, act);
    case 'limits.set':
      return setLimits(state, act);
    case 'rules.set':
      return setRules(state, act);
    case 'calendar.set':
      return accepted({ ...state, calendar: act.calendar });
    case 'signer.enrol':
      return enrolSigner(state, act);
    case 'signer.retire':
      return retireSigner(state, act);
    case 'signer.move-token':
      return moveToken(state, act);
    case 'key.suspend':
      return suspendKey(state, act, at);
    case 'key.activate':
      return activateKey(state, act, at);
    case 'key.retire':
      return retireKey(state, act, at);
    case 'key.destroy':
      return destroyKey(state, act, at);
    case 'key.review':
      return reviewKeys(state, act, at);
    case 'freeze':
      return freeze(state, act);
    case 'unfreeze':
      return unfreeze(state, act);
    // of the orchestrator's own: its register changes, the charter does not
    case 'incident.close':
      return accepted(state);
    case 'policy.set':
      return setPolicy(state, act);
    case 'policy.remove':
      return removePolicy(state, act);
    // to every rule that its act is held to without
    case 'break-glass':
      return applyAct(state, act.act, at);
    case 'pending.veto':
      return veto(state, act.intent);
    case 'pending.enact': {
      const due = takeDue(state, act.intent, at);
      return due.ok ? applyAct(due.value.state, due.value.act, at) : due;
    }
  }
}

/** What stays must be able to sign: a key that is suspended or retired does not count. */
function keepingQuorum(before: CharterState, id: string, after: Result<CharterState>): Result<CharterState> {
  const wallet = before.wallets.get(id);
  if (!after.ok || !wallet || staysSpendable(before, after.value, wallet)) return after;
  return refused('charter.quorum-unreachable', 'The keys that remain are too few, or not active.', { wallet: id });
}

function openOwner(state: CharterState, owner: Owner): Result<CharterState> {
  if (state.owners.has(owner.id)) {
    return refused('charter.id-taken', 'An owner of this id exists; ids are never used again.', { owner: owner.id });
  }
  return accepted({ ...state, owners: state.owners.set(owner.id, owner) });
}

function listAsset(state: CharterState, { asset }: Extract<Act, { kind: 'asset.list' }>): Result<CharterState> {
  if (!isFirmChain(state.genesis, chainOfAsset(asset.id))) {
    return refused('address.wrong-network', 'The asset is on a chain that this firm does not use.', {
      asset: asset.id,
    });
  }
  if (state.assets.has(asset.id)) return refused('charter.id-taken', 'The asset is listed.', { asset: asset.id });
  if (state.assets.some((listed) => listed.symbol === asset.symbol)) {
    return refused('charter.id-taken', 'Another asset has this symbol.', { symbol: asset.symbol });
  }
  return accepted({ ...state, assets: state.assets.set(asset.id, asset) });
}

function declareProprietary(
  state: CharterState,
  act: Extract<Act, { kind: 'proprietary-address.declare' }>,
): Result<CharterState> {
  const owner = state.owners.get(act.owner);
  if (owner?.estate !== 'HOUSE') {
    return refused('charter.unknown-owner', 'A proprietary address belongs to a house entity.', { owner: act.owner });
  }
  if (!isFirmChain(state.genesis, act.chain))
    return refused('address.wrong-network', 'Not a chain of this firm.', { chain: act.chain });
  return takeAddresses(state, act.chain, [act.address], () => ({
    owner: owner.id,
    estate: 'HOUSE',
    wallet: undefined,
    branch: undefined,
    index: undefined,
  }));
}

function openWallet(state: CharterState, wallet: Wallet): Result<CharterState> {
  const owner = state.owners.get(wallet.owner);
  if (!owner) return refused('charter.unknown-owner', 'No such owner in the charter.', { owner: wallet.owner });
  if (state.wallets.has(wallet.id))
    return refused('charter.id-taken', 'A wallet of this id exists.', { wallet: wallet.id });
  if (!isFirmChain(state.genesis, wallet.chain)) {
    return refused('address.wrong-network', 'Not a chain of this firm.', { chain: wallet.chain });
  }
  if (wallet.kind === 'gas-payer' && owner.estate !== 'HOUSE') {
    return refused('charter.act-not-allowed', 'Only the house has a gas payer.', { wallet: wallet.id });
  }
  const keys = checkWalletKeys(state, wallet);
  if (!keys.ok) return keys;
  const derived = walletAddresses(wallet, safeContractsOf(state));
  if (!derived.ok) return derived;
  const places = new Map(derived.value.map((place) => [place.address, place]));
  const taken = takeAddresses(state, wallet.chain, [...places.keys()], (address) => ({
    owner: owner.id,
    estate: owner.estate,
    wallet: wallet.id,
    branch: places.get(address)?.branch,
    index: places.get(address)?.index,
  }));
  if (!taken.ok) return taken;
  const publicKeys = taken.value.publicKeys.withMutations((map) => {
    for (const key of keysOf(wallet)) map.set(key, wallet.id);
  });
  return accepted({ ...taken.value, publicKeys, wallets: state.wallets.set(wallet.id, wallet) });
}

/** Every key that can ever spend from a wallet: the quorum's, and a client's cold recovery key. */
function keysOf(wallet: Wallet): readonly string[] {
  const quorumKeys = wallet.keys.map((key) => key.publicKey);
  return wallet.kind === 'bitcoin-multisig' && wallet.recovery.kind === 'xpub'
    ? [...quorumKeys, wallet.recovery.xpub]
    : quorumKeys;
}

/** Invariant 4: a public key serves one wallet, and no signer, and so no token, holds two keys of one wallet. */
function checkWalletKeys(state: CharterState, wallet: Wallet): Result<true> {
  const facts = { wallet: wallet.id };
  const signers = wallet.keys.map((key) => key.signer);
  if (new Set(signers).size !== signers.length) {
    return refused('charter.keys-share-signer', 'Two keys of one wallet sit with the same signer.', facts);
  }
  for (const signer of signers) {
    const holder = checkHolder(state, signer, facts);
    if (!holder.ok) return holder;
  }
  const keys = keysOf(wallet);
  const reused = keys.find((key, position) => state.publicKeys.has(key) || keys.indexOf(key) !== position);
  if (reused) {
    return refused('charter.public-key-reused', 'A public key belongs to one wallet only.', {
      ...facts,
      publicKey: reused,
    });
  }
  if (wallet.kind !== 'gas-payer' && wallet.threshold > wallet.keys.length) {
    return refused('charter.quorum-unreachable', 'The threshold is above the number of keys.', facts);
  }
  return accepted(true);
}

/** Invariant 1, kept both ways: no managed address becomes someone's, and no destination becomes managed. */
function takeAddresses(
  state: CharterState,
  chain: ChainId,
  addresses: readonly string[],
  managed: (address: string) => ManagedAddress,
): Result<CharterState> {
  const additions: [string, ManagedAddress][] = [];
  const known: string[] = [];
  for (const text of addresses) {
    const address = canonicalAddress(chain, text);
    if (!address.ok) return address;
    const key = addressKey(chain, address.value);
    if (state.addresses.has(key)) {
      return refused('charter.address-managed', 'The address has an owner, for ever.', { address: text });
    }
    if (state.destinations.has(key)) {
      return refused('charter.address-is-destination', 'The address is an approved destination.', { address: text });
    }
    additions.push([key, managed(text)]);
    known.push(address.value);
  }
  return accepted({
    ...state,
    addresses: state.addresses.concat(additions),
    shapes: addShapes(state.shapes, chain, known),
  });
}
