/** The processes of one custody firm's own software. Each signer has its token, database and TLS identity. */
export const SIGNER_NAMES = ['signer-a', 'signer-b', 'signer-c'] as const;
export const APP_NAMES = ['orchestrator', ...SIGNER_NAMES] as const;
/** Every process of the local stack. */
export const PART_NAMES = [...APP_NAMES, 'postgres', 'bitcoind', 'anvil'] as const;

/** The listener of a signer that anybody may come to, beside the one for the orchestrator alone. */
export const doorOf = <S extends (typeof SIGNER_NAMES)[number]>(signer: S): `${S}-door` => `${signer}-door`;
/** Every port of the local stack. */
export const PORT_NAMES = [...PART_NAMES, ...SIGNER_NAMES.map(doorOf)] as const;

export type SignerName = (typeof SIGNER_NAMES)[number];
export type AppName = (typeof APP_NAMES)[number];
export type PartName = (typeof PART_NAMES)[number];
export type PortName = (typeof PORT_NAMES)[number];
