import { accepted, canonicalJson, digestSchema, refused, slugSchema, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { frostGroupSchema, outputKey, type FrostGroup } from './group.js';

/** One sealing key for each epoch of a group's key: destroying it destroys every copy of that epoch's secrets. */
export const frostSealKey = (key: string, epoch: number): string => `frost/${key}/${epoch}`;

/** What a member's sealed secret is bound to: what it is for, and to whom, in which group. */
export const frostBinding = (purpose: string, firm: Digest, member: string, group: FrostGroup): Uint8Array =>
  Buffer.from(canonicalJson({ v: 1, purpose, firm, member, group }), 'utf8');

const sealedShareSchema = z.strictObject({
  v: z.literal(1),
  firm: digestSchema,
  member: slugSchema,
  group: frostGroupSchema,
  /** By the token that it lies in; base64. */
  sealed: z.base64(),
});
/** A share as it lies in its member's token, beside the key that sealed it: with the token alone it can be used again. */
export type SealedShare = z.infer<typeof sealedShareSchema>;

export const writeSealedShare = (share: Omit<SealedShare, 'v'>): Uint8Array =>
  Buffer.from(canonicalJson({ v: 1, ...share }), 'utf8');

export function readSealedShare(bytes: Uint8Array): Result<SealedShare> {
  try {
    return accepted(sealedShareSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))));
  } catch {
    return refused('keys.seal-broken', 'The token keeps something that is no sealed share.');
  }
}

export const sealKeyOf = (group: FrostGroup): string => frostSealKey(outputKey(group), group.epoch);
