import type { AssetId } from '@bulkhead/intent';
import type { Checkpoint } from '../core/chain-balances.js';
import type { ReconciliationReport } from '../core/reconciliation-report.js';
import type { ReconciliationRow } from './entities.js';

/** JSON has no bigint: amounts are stored as decimal strings. */
export interface StoredReport {
  readonly checkpoints: readonly Checkpoint[];
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

export const storedReport = ({ checkpoints, lines }: Omit<ReconciliationReport, 'id'>): StoredReport => ({
  checkpoints,
  lines: lines.map((line) => ({
    ...line,
    register: line.register.toString(),
    chain: line.chain.toString(),
    difference: line.difference.toString(),
  })),
});

export function reportOf({ id, at, balanced, report }: ReconciliationRow): ReconciliationReport {
  return {
    id,
    at,
    balanced,
    checkpoints: report.checkpoints,
    lines: report.lines.map((line) => ({
      ...line,
      register: BigInt(line.register),
      chain: BigInt(line.chain),
      difference: BigInt(line.difference),
    })),
  };
}
