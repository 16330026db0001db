import type { AssetId } from '@bulkhead/intent';
import type { ChainBalance, Checkpoint } from './chain-balances.js';

/** The register total of one wallet and asset at a checkpoint: the WALLET account, whatever is held back of it. */
export interface RegisterTotal extends ChainBalance {
  readonly owner: string;
}

/** Register beside chain for one wallet and asset, in the asset's smallest unit. */
export interface ReconciliationLine {
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  readonly register: bigint;
  readonly chain: bigint;
  /** `chain - register`: negative is a shortfall. */
  readonly difference: bigint;
  /** Height of the checkpoint. */
  readonly block: number;
}

export interface ReconciliationReport {
  readonly id: string;
  readonly at: Date;
  /** True when every difference is zero. */
  readonly balanced: boolean;
  readonly checkpoints: readonly Checkpoint[];
  readonly lines: readonly ReconciliationLine[];
}

/**
 * Invariant 9 for the wallets of one chain: one line for each wallet and asset that the chain or the register knows.
 * Throws when the chain gave no balance for a position of the register: what was not compared is not in balance.
 */
export function compareWithChain(
  checkpoint: Checkpoint,
  ownerOf: ReadonlyMap<string, string>,
  register: readonly RegisterTotal[],
  chain: readonly ChainBalance[],
): readonly ReconciliationLine[] {
  const key = ({ wallet, asset }: { wallet: string; asset: AssetId }) => `${wallet} ${asset}`;
  const totals = new Map(register.map((total) => [key(total), total]));
  const lines = chain.map((balance): ReconciliationLine => {
    const owner = ownerOf.get(balance.wallet);
    if (owner === undefined)
      throw new Error(`the chain speaks of the wallet ${balance.wallet}, which was not asked for`);
    const total = totals.get(key(balance))?.amount ?? 0n;
    totals.delete(key(balance));
    return {
      owner,
      wallet: balance.wallet,
      asset: balance.asset,
      register: total,
      chain: balance.amount,
      difference: balance.amount - total,
      block: checkpoint.height,
    };
  });
  const [uncompared] = totals.values();
  if (uncompared) throw new Error(`the chain says nothing of ${uncompared.asset} in the wallet ${uncompared.wallet}`);
  const missing = [...ownerOf.keys()].find((wallet) => !chain.some((balance) => balance.wallet === wallet));
  if (missing !== undefined) throw new Error(`the chain says nothing of the wallet ${missing}`);
  return lines.sort((a, b) => (`${a.owner} ${key(a)}` < `${b.owner} ${key(b)}` ? -1 : 1));
}
