/** The processes of one custody firm's own software. Each signer has its token, database and TLS identity. */
export const SIGNER_NAMES = ['signer-a', 'signer-b', 'signer-c'] as const;
export const APP_NAMES = ['orchestrator', ...SIGNER_NAMES] as const;
/** Every process of the local stack. */
export const PART_NAMES = [...APP_NAMES, 'postgres', 'bitcoind', 'anvil'] as const;

export type SignerName = (typeof SIGNER_NAMES)[number];
export type AppName = (typeof APP_NAMES)[number];
export type PartName = (typeof PART_NAMES)[number];
