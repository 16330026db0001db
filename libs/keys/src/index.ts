/** PKCS#11 key custody for one signer: keys are made in the token, stay there, and sign 32-byte digests. */
export * from './profile.js';
export * from './token-initialisation.js';
