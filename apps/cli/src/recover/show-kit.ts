import { addressesOf, safeContractsOf, type CharterState, type Wallet } from '@bulkhead/charter';
import type { OpenedKit } from '@bulkhead/evidence';
import { chainOfAsset, orThrow, type AssetId } from '@bulkhead/intent';
import { formatUnits } from 'ethers';
import { coinsOf, requireNetwork } from './bitcoin-coins.js';
import { holdingOf, requireEthereum, safeOnChain } from './safe-on-chain.js';
import type { Nodes } from './sweep.js';

/** The kit as lines for people; with nodes, what is on the chains now. */
export async function showKit({ kit, hash, state }: OpenedKit, nodes: Nodes): Promise<string[]> {
  const { owner, firmName, issuedAt, holders } = kit;
  const lines = [
    `kit ${hash} of ${owner.name} (${owner.id}), issued ${issuedAt}`,
    `${firmName}: ${kit.charter.length} charter entries verified; heads ${headsText(state)}`,
    ...holders.map(
      ({ signer, tokenLabel, tokenSerial, holder, place }) =>
        `  ${signer}: token ${tokenLabel ?? 'of unknown label'}, serial ${tokenSerial ?? 'unknown'}, held by ${holder ?? 'unknown'}, place ${place ?? 'unknown'}`,
    ),
  ];
  for (const { id } of kit.wallets) {
    const wallet = state.wallets.get(id);
    if (!wallet) throw new Error('the kit’s wallets were derived from this state');
    const descriptor = kit.wallets.find((described) => described.id === id)?.descriptors?.wallet;
    const addresses = orThrow(addressesOf(wallet, safeContractsOf(state)));
    lines.push(
      `${id} (${wallet.kind} on ${wallet.chain}): ${addresses.length} addresses derived, ${addresses[0]?.address ?? ''} first`,
    );
    if (descriptor !== undefined) lines.push(`  ${descriptor}`);
    lines.push(...(await holdings(state, wallet, nodes)).map((line) => `  ${line}`));
  }
  return lines;
}

async function holdings(state: CharterState, wallet: Wallet, { bitcoin, ethereum }: Nodes): Promise<string[]> {
  if ((wallet.kind === 'bitcoin-multisig' || wallet.kind === 'taproot-mpc') && bitcoin) {
    await requireNetwork(bitcoin, wallet.chain);
    const coins = await coinsOf(bitcoin, state, wallet);
    const total = coins.reduce((sum, { amountSat }) => sum + amountSat, 0n);
    return [
      `holds ${formatUnits(total, 8)} BTC in ${coins.length} coins`,
      ...coins.map(({ txid, vout, amountSat }) => `  ${txid}:${vout}  ${formatUnits(amountSat, 8)} BTC`),
    ];
  }
  if (wallet.kind === 'safe' && ethereum) {
    await requireEthereum(ethereum, state);
    const { deployed, nonce } = await safeOnChain(ethereum, state, wallet);
    const assets = [...state.assets.keys()].filter((asset) => chainOfAsset(asset) === wallet.chain);
    const held = await Promise.all(
      assets.map(async (asset) => amountText(state, asset, await holdingOf(ethereum, wallet.address, asset))),
    );
    return [
      `${deployed ? `deployed, owners as in the charter, nonce ${nonce}` : 'not deployed'}; holds ${held.join(', ')}`,
    ];
  }
  return [];
}

const headsText = (state: CharterState): string =>
  [...state.heads.entries()]
    .map(([chain, { sequence, hash }]) => `${chain} ${sequence} ${hash.slice(0, 16)}`)
    .join(', ');

/** An amount in whole units of a listed asset. */
export function amountText(state: CharterState, id: AssetId, amount: bigint): string {
  const asset = state.assets.get(id);
  return asset ? `${formatUnits(amount, asset.decimals)} ${asset.symbol}` : `${amount} ${id}`;
}
