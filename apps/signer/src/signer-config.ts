/** Under which the configuration is injected. */
export const SIGNER_CONFIG = Symbol('SIGNER_CONFIG');
