import { assetIdSchema, chainIdSchema, slugSchema } from '@bulkhead/intent';
import { ACCOUNTS, ENTRY_KINDS, type Position } from '@bulkhead/ledger';
import { z } from 'zod';
import type { ReconciliationReport } from '../core/reconciliation-report.js';
import type { BookedEntry } from '../persistence/booked-entry.js';

/** A decimal string of the asset's smallest unit, with a minus where it is less than zero. */
const signedAmountSchema = z
  .string()
  .regex(/^-?\d+$/)
  .meta({ examples: ['-100154'] });
const idSchema = z.string().regex(/^(0|[1-9]\d{0,17})$/);

const blockSchema = z.strictObject({ chain: chainIdSchema, height: z.int(), hash: z.string() });

export const positionsQuerySchema = z.strictObject({
  owner: slugSchema.optional(),
  wallet: slugSchema.optional(),
  asset: assetIdSchema.optional(),
});

export const positionViewSchema = z.strictObject({
  owner: slugSchema,
  wallet: slugSchema,
  asset: assetIdSchema,
  walletTotal: signedAmountSchema.describe('All that lies on chain in the wallet'),
  pending: signedAmountSchema.describe('The part that lacks confirmations'),
  suspense: signedAmountSchema.describe('The part in quarantine'),
  available: signedAmountSchema.describe('What may be spent: walletTotal - pending - suspense'),
});

export const entriesQuerySchema = z.strictObject({
  owner: slugSchema.optional(),
  after: idSchema.default('0').describe('The id of the last entry of the page before'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

export const entriesPageSchema = z.strictObject({
  entries: z.array(
    z.strictObject({
      id: idSchema,
      reference: z.string(),
      owner: slugSchema,
      kind: z.enum(ENTRY_KINDS),
      block: blockSchema.nullable(),
      reverses: idSchema.nullable().describe('The id of the entry that this one takes back'),
      createdAt: z.iso.datetime(),
      postings: z.array(
        z.strictObject({
          account: z.enum(ACCOUNTS),
          wallet: slugSchema.nullable(),
          asset: assetIdSchema,
          amount: signedAmountSchema.describe('Debit positive'),
        }),
      ),
    }),
  ),
  next: idSchema.nullable().describe('Ask with after=next for the next page; null on the last'),
});
export type EntriesPage = z.infer<typeof entriesPageSchema>;

export const reconciliationViewSchema = z.strictObject({
  id: idSchema,
  at: z.iso.datetime(),
  balanced: z.boolean().describe('False when a difference was found: that wallet is now frozen, with an incident'),
  checkpoints: z.array(blockSchema).describe('The block of each chain at which was compared'),
  lines: z.array(
    z.strictObject({
      owner: slugSchema,
      wallet: slugSchema,
      asset: assetIdSchema,
      register: signedAmountSchema,
      chain: signedAmountSchema,
      difference: signedAmountSchema.describe('chain - register: negative is a shortfall'),
      block: z.int().describe('Height of the checkpoint'),
    }),
  ),
});
export type ReconciliationView = z.infer<typeof reconciliationViewSchema>;

export const positionView = (position: Position): z.infer<typeof positionViewSchema> => ({
  ...position,
  walletTotal: position.walletTotal.toString(),
  pending: position.pending.toString(),
  suspense: position.suspense.toString(),
  available: position.available.toString(),
});

export const entryView = ({ at, createdAt, postings, ...entry }: BookedEntry): EntriesPage['entries'][number] => ({
  ...entry,
  block: at,
  createdAt: createdAt.toISOString(),
  postings: postings.map((posting) => ({ ...posting, amount: posting.amount.toString() })),
});

export const reconciliationView = ({
  id,
  at,
  balanced,
  checkpoints,
  lines,
}: ReconciliationReport): ReconciliationView => ({
  id,
  at: at.toISOString(),
  balanced,
  checkpoints: [...checkpoints],
  lines: lines.map((line) => ({
    ...line,
    register: line.register.toString(),
    chain: line.chain.toString(),
    difference: line.difference.toString(),
  })),
});
