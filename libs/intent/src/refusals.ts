/**
 * The one catalogue of refusals. A refusal is a value: a stable code, a sentence that says what to do, and the fact
 * that decided it. Throw only for bugs and broken machines.
 *
 * The number is the HTTP status that an API gives the refusal (RFC 9110); 422 is "understood, and it may not be".
 */
export const REFUSALS = {
  // what was asked cannot be read
  'request.malformed': 400,
  'request.unauthenticated': 401,
  'request.forbidden': 403,
  'request.not-found': 404,
  'request.idempotency-key-reused': 409,
  'request.idempotency-in-progress': 409,
  'request.too-many': 429,
  'amount.malformed': 400,
  'amount.not-positive': 422,
  'amount.too-large': 422,
  'amount.dust': 422,
  'amount.insufficient-funds': 422,
  'address.malformed': 422,
  'address.wrong-network': 422,
  'address.bad-checksum': 422,
  'address.ownership-unproven': 422,
  'asset.unknown': 422,
  // intents and approvals
  'intent.expired': 409,
  'intent.in-future': 422,
  'intent.too-long': 422,
  'intent.state': 409,
  'intent.wrong-firm': 422,
  'intent.duplicate': 409,
  'intent.not-replaceable': 422,
  'intent.replaced-stands': 409,
  'intent.replaced-signed': 409,
  'approval.malformed': 422,
  'approval.bad-signature': 422,
  'approval.scheme-mismatch': 422,
  'approval.assertion-mismatch': 422,
  'approval.user-not-verified': 422,
  'approval.counter-replayed': 422,
  'approval.unknown-member': 422,
  'approval.unknown-key': 422,
  'approval.key-expired': 422,
  'approval.member-expired': 422,
  'approval.expired': 422,
  'approval.intent-mismatch': 422,
  'approval.payload-mismatch': 422,
  'approval.charter-mismatch': 422,
  'approval.rejected': 409,
  'approval.objection-unverified': 409,
  'approval.duplicate': 409,
  'approval.withdrawn': 409,
  'approval.nothing-to-withdraw': 409,
  'approval.initiator': 422,
  'approval.not-eligible': 422,
  'approval.quorum-not-met': 422,
  'passkey.challenge-unknown': 409,
  'passkey.registration-invalid': 422,
  'passkey.authenticator-not-trusted': 422,
  'passkey.registered': 409,
  // charter
  'charter.malformed': 422,
  'charter.gap': 409,
  'charter.fork': 409,
  'charter.rollback': 409,
  'charter.firm-head-stale': 409,
  'charter.genesis-mismatch': 422,
  'charter.act-not-allowed': 422,
  'charter.quorum-unreachable': 422,
  'charter.id-taken': 409,
  'charter.unknown-owner': 422,
  'charter.unknown-wallet': 422,
  'charter.unknown-signer': 422,
  'charter.token-unknown': 422,
  'charter.public-key-reused': 422,
  'charter.keys-share-signer': 422,
  'charter.address-managed': 422,
  'charter.address-is-destination': 422,
  'charter.address-mismatch': 422,
  'charter.behind': 409,
  'charter.frozen': 409,
  'charter.not-frozen': 409,
  'charter.delay-not-over': 409,
  'charter.nothing-pending': 409,
  'charter.below-floor': 422,
  'charter.duties-mixed': 422,
  'charter.unknown-policy': 422,
  'charter.unknown-group': 422,
  'charter.signer-retired': 422,
  'charter.enacted-in-future': 422,
  'charter.enacted-in-past': 422,
  'charter.share-unproven': 422,
  'charter.key-not-held': 422,
  'charter.no-replacement': 422,
  'charter.replacement-under-way': 409,
  'charter.unknown-key': 422,
  'charter.key-state': 409,
  'destination.cooling': 409,
  'destination.approved-since': 409,
  // policies of the charter
  'policy.invalid': 422,
  'policy.denied': 422,
  'policy.forbidden': 422,
  'policy.error': 422,
  'policy.counter-example': 422,
  'policy.not-proven': 422,
  'attestation.unknown-attestor': 422,
  'attestation.mismatch': 422,
  'attestation.bad-signature': 422,
  'attestation.stale': 422,
  'attestation.in-future': 422,
  // segregation: the invariants of docs/architecture.md
  'segregation.unknown-input': 422,
  'segregation.mixed-owners': 422,
  'segregation.pays-house': 422,
  'segregation.pays-other-client': 422,
  'segregation.house-pays-client': 422,
  'segregation.unknown-destination': 422,
  'segregation.change-not-own': 422,
  'segregation.fee-over-cap': 422,
  'segregation.fee-negative': 422,
  'segregation.coin-committed': 409,
  'segregation.nothing-paid': 422,
  'segregation.purpose-not-allowed': 422,
  'segregation.test-payment-over-cap': 422,
  'segregation.wallet-frozen': 409,
  // payloads
  'transfer.payload-differs': 422,
  'bitcoin.psbt-malformed': 422,
  'bitcoin.previous-transaction-missing': 422,
  'bitcoin.previous-transaction-mismatch': 422,
  'bitcoin.script-mismatch': 422,
  'bitcoin.sighash-not-all': 422,
  'bitcoin.output-undecodable': 422,
  'bitcoin.transaction-not-standard': 422,
  'bitcoin.fee-rate': 422,
  'bitcoin.wallet-malformed': 422,
  'bitcoin.psbt-field-not-allowed': 422,
  'bitcoin.signatures-missing': 409,
  'bitcoin.transaction-malformed': 422,
  'ethereum.transaction-malformed': 422,
  'ethereum.call-undecodable': 422,
  'ethereum.contract-unknown': 422,
  'ethereum.delegatecall-unknown': 422,
  'ethereum.refund-not-zero': 422,
  'ethereum.calls-itself': 422,
  'ethereum.gas-over-cap': 422,
  'ethereum.gas-call-not-allowed': 422,
  'ethereum.safe-state': 409,
  'ethereum.wrong-signer': 422,
  // ledger: bugs of ours, found before they are written
  'ledger.entry-malformed': 500,
  'ledger.entry-unbalanced': 500,
  'ledger.reference-reused': 500,
  // signers, keys, machines
  'signer.wrong-wallet': 422,
  'signer.unavailable': 503,
  'signer.timeout': 504,
  'signer.answer-invalid': 502,
  'signer.quorum-unavailable': 503,
  'signer.database-rolled-back': 503,
  'signer.fenced': 503,
  'signer.frozen-locally': 409,
  'signer.over-hard-limit': 422,
  'signer.peers-unknown': 503,
  'signer.peer-invalid': 502,
  'signer.contended': 503,
  'signer.question-invalid': 403,
  'signer.wrong-token': 422,
  'signer.decision-invalid': 502,
  'key.suspended': 409,
  'key.retired': 422,
  'key.destroyed': 422,
  'keys.unavailable': 503,
  'keys.pin-incorrect': 503,
  'keys.pin-file-unsafe': 503,
  'keys.attributes-wrong': 502,
  'keys.not-found': 404,
  'keys.signature-invalid': 502,
  'keys.busy': 503,
  'keys.record-moved': 409,
  'keys.seal-broken': 502,
  'keys.too-many-unopened': 409,
  'keys.not-kept': 502,
  'keys.not-destroyed': 502,
  'backup.malformed': 422,
  'backup.passphrase-too-short': 422,
  'backup.share-broken': 422,
  'backup.share-repeated': 422,
  'backup.shares-mixed': 422,
  'backup.shares-too-few': 422,
  'backup.secret-mismatch': 422,
  'backup.wrapping-key-differs': 422,
  'mpc.message-invalid': 422,
  'mpc.member-blamed': 422,
  'mpc.session-unknown': 409,
  'mpc.group-unknown': 404,
  'mpc.group-exists': 409,
  'mpc.group-locked': 409,
  'mpc.resharing-permitted': 409,
  'mpc.nonces-used': 409,
  'kit.malformed': 422,
  'kit.mismatch': 422,
  'ceremony.malformed': 422,
  'ceremony.tampered': 422,
  'ceremony.step-unsigned': 409,
  'ceremony.incomplete': 409,
  'ceremony.contradicted': 422,
  'database.unavailable': 503,
  'chain.unavailable': 503,
  'chain.wrong-network': 503,
  'chain.transaction-rejected': 422,
  'chain.transaction-failed': 422,
  'wallet.addresses-exhausted': 409,
  'internal.error': 500,
} as const satisfies Record<string, number>;

export type RefusalCode = keyof typeof REFUSALS;

export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence for a person: what was refused and what to do. Never holds a secret. */
  readonly detail: string;
  /** The facts that decided it, as strings. */
  readonly facts: Readonly<Record<string, string>>;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export const accepted = <T>(value: T): Result<T> => ({ ok: true, value });

export const refused = (
  code: RefusalCode,
  detail: string,
  facts: Readonly<Record<string, string>> = {},
): { readonly ok: false; readonly refusal: Refusal } => ({ ok: false, refusal: { code, detail, facts } });

/** Whether a refusal says that a machine is away or broken: nothing was decided, and it can be asked again. */
export const isOutage = ({ code }: Refusal): boolean => REFUSALS[code] >= 500;

/** Carries a refusal through code that can only throw (a database transaction that must roll back, an HTTP handler). */
export class RefusalError extends Error {
  constructor(readonly refusal: Refusal) {
    super(`${refusal.code}: ${refusal.detail}`);
    this.name = 'RefusalError';
  }
}

/** The value, or a thrown {@link RefusalError}. */
export const orThrow = <T>(result: Result<T>): T => {
  if (!result.ok) throw new RefusalError(result.refusal);
  return result.value;
};
