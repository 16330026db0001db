import type { AssetId } from '@bulkhead/intent';
import { formatUnits } from 'ethers';
import { table } from '../operator/table.js';
import type { Cast } from './cast.js';
import type { Narrator } from './narrator.js';

export interface ReconciliationView {
  readonly balanced: boolean;
  readonly lines: readonly {
    readonly owner: string;
    readonly wallet: string;
    readonly asset: AssetId;
    readonly register: string;
    readonly chain: string;
    readonly difference: string;
    readonly block: number;
  }[];
}

export interface AssetView {
  readonly id: AssetId;
  readonly symbol: string;
  readonly decimals: number;
}

/** Register and chains side by side, as rows of text. */
export function reconciliationTable(report: ReconciliationView, assets: readonly AssetView[]): string[] {
  const header = ['owner', 'wallet', 'asset', 'register', 'chain', 'difference', 'block'];
  const rows = report.lines.map((line) => {
    const asset = assets.find(({ id }) => id === line.asset);
    const shown = (amount: string): string => formatUnits(amount, asset?.decimals ?? 0);
    const { owner, wallet, register, chain, difference, block } = line;
    return [
      owner,
      wallet,
      asset?.symbol ?? line.asset,
      shown(register),
      shown(chain),
      shown(difference),
      String(block),
    ];
  });
  return table(header, rows);
}

/** Balances per client from the ledger and from the chains: they must be the same to the last unit. */
export async function ending(cast: Cast, narrator: Narrator): Promise<void> {
  narrator.chapter('Balances: the register of positions beside the chains');
  const { api } = cast.client;
  const report = await narrator.does('register and chains agree to the last unit', 'reconciliation', async () => {
    const made = await api.post<ReconciliationView>('/v1/reconciliations', cast.olivia.apiToken, {});
    if (!made.balanced) throw new Error('the register differs from the chains');
    return made;
  });
  const assets = await api.get<AssetView[]>('/v1/assets', cast.olivia.apiToken);
  for (const row of reconciliationTable(report, assets)) narrator.say(row);
}
