import { amountSchema, assetIdSchema, chainIdSchema, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import type { ConfirmedDeposit } from '../core/deposits.service.js';
import { DEPOSIT_STATUSES } from '../persistence/entities.js';

export const depositViewSchema = z.strictObject({
  id: z.uuid(),
  chain: chainIdSchema,
  asset: assetIdSchema,
  owner: slugSchema,
  wallet: slugSchema,
  address: z.string(),
  transaction: z.string(),
  /** Where in the transaction: an output’s index, `value`, or `log:<index>`. */
  position: z.string(),
  amount: amountSchema,
  /** Addresses that it came from. */
  sources: z.array(z.string()),
  block: z.strictObject({ height: z.int(), hash: z.string() }),
  confirmations: z.int(),
  status: z.enum(DEPOSIT_STATUSES),
});
export type DepositView = z.infer<typeof depositViewSchema>;

export const depositView = ({ row, confirmations }: ConfirmedDeposit): DepositView => ({
  id: row.id,
  chain: row.chain,
  asset: row.asset,
  owner: row.owner,
  wallet: row.wallet,
  address: row.address,
  transaction: row.txId,
  position: row.position,
  amount: row.amount,
  sources: row.sources,
  block: { height: row.height, hash: row.blockHash },
  confirmations,
  status: row.status,
});
