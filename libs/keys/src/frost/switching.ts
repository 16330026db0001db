import { schnorr } from '@noble/curves/secp256k1.js';
import { accepted, digestJson, ZERO_DIGEST, type Digest, type Result } from '@bulkhead/intent';
import { type FrostKey } from './group.js';
import { type Fingerprints, type MemberIdentity, type SignedMessage, signMessage } from './message.js';
import { openEach } from './session.js';

/** What the charter says of a wallet after a switch: which of its permits, to whom. */
export interface SwitchedTo {
  readonly firm: Digest;
  readonly wallet: string;
  readonly permit: number;
  readonly threshold: number;
  readonly members: readonly string[];
}

/** Proves that this share is held: BIP-340 with the share as the key, 64 bytes, hex. It says nothing else about the share. */
export const proveShare = ({ share }: FrostKey, digest: Digest): string =>
  Buffer.from(schnorr.sign(Buffer.from(digest, 'hex'), share)).toString('hex');

/** A new member's word that its charter has the switch and that it signs with its new share. */
export const sayUsing = (to: SwitchedTo, member: string, identity: MemberIdentity): SignedMessage =>
  signMessage({ v: 1, terms: termsOf(to), ...PLACE, from: member, body: { kind: 'using' } }, identity);

/** Whether every new member has said so, `self` not asked: then nobody needs what was before. */
export function checkAllUsing(
  to: SwitchedTo,
  self: string,
  messages: readonly SignedMessage[],
  fingerprints: Fingerprints,
): Result<true> {
  const others = to.members.filter((member) => member !== self);
  const bodies = openEach(messages, others, { kind: 'using', terms: termsOf(to), ...PLACE }, fingerprints);
  return bodies.ok ? accepted(true) : bodies;
}

const PLACE = { transcript: ZERO_DIGEST, to: null } as const;

const termsOf = (to: SwitchedTo): Digest => digestJson('bulkhead/frost-terms/v1', { purpose: 'use', ...to });
