/** What a key store tells its owner to log or count. No event holds a secret. */
export type KeyStoreEvent =
  | { readonly event: 'host-ready'; readonly pid: number; readonly serial: string }
  | { readonly event: 'host-down'; readonly detail: string; readonly restartInMs: number }
  /** Starts fail in a row: requests are refused at once until a host answers one. */
  | { readonly event: 'circuit-open'; readonly detail: string }
  | { readonly event: 'circuit-closed' }
  | { readonly event: 'host-failed'; readonly detail: string }
  | { readonly event: 'pin-incorrect'; readonly wrongTries: number }
  | { readonly event: 'answer-too-late'; readonly requestId: number }
  | { readonly event: 'signature-withheld'; readonly keyId: string };

export type KeyStoreListener = (event: KeyStoreEvent) => void;
