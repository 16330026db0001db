/** What a key store tells its owner to log or count. No event holds a secret. */
export type KeyStoreEvent =
  | { readonly event: 'host-ready'; readonly pid: number; readonly serial: string }
  | { readonly event: 'host-down'; readonly detail: string; readonly restartInMs: number }
  | { readonly event: 'host-failed'; readonly detail: string }
  | { readonly event: 'pin-incorrect'; readonly wrongTries: number }
  | { readonly event: 'answer-too-late'; readonly requestId: number }
  | { readonly event: 'signature-withheld'; readonly keyId: string };

export type KeyStoreListener = (event: KeyStoreEvent) => void;
