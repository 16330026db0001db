import { assetIdSchema, digestSchema, INTENT_PURPOSES } from '@bulkhead/intent';
import type { PastSpend } from '@bulkhead/policy';
import { z } from 'zod';
import type { SpendColumns } from './spend.entity.js';

const purposeSchema = z.enum(INTENT_PURPOSES);

/** A spend as the database holds it. */
export const spendColumns = ({ amount, at, ...rest }: PastSpend) => ({
  ...rest,
  amount: amount.toString(),
  at: new Date(at),
});

export const pastSpendOf = (row: SpendColumns & { readonly payloadDigest: string }): PastSpend => ({
  payloadDigest: digestSchema.parse(row.payloadDigest),
  wallet: row.wallet,
  owner: row.owner,
  asset: assetIdSchema.parse(row.asset),
  payee: row.payee,
  initiator: row.initiator,
  purpose: purposeSchema.parse(row.purpose),
  amount: BigInt(row.amount),
  at: row.at.toISOString(),
});
