/** The processes of one custody firm's own software. Each signer has its token, database and TLS identity. */
export const SIGNER_NAMES = ['signer-a', 'signer-b', 'signer-c'] as const;
export const APP_NAMES = ['orchestrator', ...SIGNER_NAMES] as const;
/** Every process of the local stack. */
export const PART_NAMES = [...APP_NAMES, 'postgres', 'bitcoind', 'anvil'] as const;

/** A signer that no genesis names: with a token of its own it stands by, for the day on which another one is lost. */
export const SPARE_SIGNER = 'signer-d' as const;
export const EVERY_SIGNER = [...SIGNER_NAMES, SPARE_SIGNER] as const;
export const EVERY_APP = [...APP_NAMES, SPARE_SIGNER] as const;
export const EVERY_PART = [...PART_NAMES, SPARE_SIGNER] as const;

/** The listener of a signer that anybody may come to, beside the one for the orchestrator alone. */
export const doorOf = <S extends (typeof EVERY_SIGNER)[number]>(signer: S): `${S}-door` => `${signer}-door`;
/** Every port of the local stack. */
export const PORT_NAMES = [...EVERY_PART, ...EVERY_SIGNER.map(doorOf)] as const;

export type SignerName = (typeof EVERY_SIGNER)[number];
export type AppName = (typeof EVERY_APP)[number];
export type PartName = (typeof EVERY_PART)[number];
export type PortName = (typeof PORT_NAMES)[number];
