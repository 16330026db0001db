import { KEY_STATES } from '@bulkhead/charter';
import { z } from 'zod';
import { KEY_CLASSES } from '../../signers/answers.js';
import { DIFFERENCES } from '../core/merge-inventory.js';

const text = z.string().nullable();

export const inventoryKeyViewSchema = z.strictObject({
  keyClass: z.enum(KEY_CLASSES),
  algorithm: z.string(),
  label: text,
  publicKey: text,
  wallet: text,
  owner: text,
  signer: z.string(),
  tokenSerial: text,
  holder: text,
  place: text,
  state: z.enum(KEY_STATES).nullable(),
  since: text,
  reason: text,
  inToken: z.boolean().nullable(),
  attributes: z.record(z.string(), z.boolean()).nullable(),
  createdAt: text,
  destroyedAt: text,
  lastUsedAt: text,
  uses: z.int().nullable(),
  reviewedAt: text,
  nextReviewAt: text,
  isReviewOverdue: z.boolean(),
  differences: z.array(z.enum(DIFFERENCES)),
});

export const inventoryViewSchema = z.strictObject({
  keys: z.array(inventoryKeyViewSchema),
  silent: z.array(z.strictObject({ signer: z.string(), code: z.string(), detail: z.string() })),
});
export type InventoryView = z.infer<typeof inventoryViewSchema>;
