import type { AssetId, Digest } from '@bulkhead/intent';
import { signAttestation, type Attestation, type AttestationStatement, type TravelRuleStatus } from '@bulkhead/policy';
import { HOUR_MS, instant, type TestMember } from './members.js';

type Terms = Partial<Pick<AttestationStatement, 'at' | 'expiresAt' | 'attestor' | 'key'>>;

const common = (by: TestMember, firm: Digest, terms: Terms) => ({
  v: 1 as const,
  firm,
  attestor: by.id,
  key: `${by.id}-1`,
  at: instant(),
  expiresAt: instant(HOUR_MS),
  ...terms,
});

/** A price of one whole unit, in millionths of a dollar unless told otherwise. */
export const attestPrice = (
  by: TestMember,
  firm: Digest,
  about: { readonly asset: AssetId; readonly priceMicros: string; readonly currency?: string },
  terms: Terms = {},
): Attestation =>
  signAttestation({ ...common(by, firm, terms), kind: 'price', currency: 'USD', ...about }, by.privateKeyPem);

/** What the travel rule's counterparty has said of an intent. */
export const attestTravelRule = (
  by: TestMember,
  firm: Digest,
  about: { readonly intent: Digest; readonly status: TravelRuleStatus },
  terms: Terms = {},
): Attestation => signAttestation({ ...common(by, firm, terms), kind: 'travel-rule', ...about }, by.privateKeyPem);
