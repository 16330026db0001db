/** Who has said yes to which exact bytes, and whether that is enough. */
export { ed25519PublicKey, verifiesEd25519 } from './ed25519.js';
export * from './member-key.js';
export { compressedPoint, p256PublicKey, verifiesP256 } from './p256.js';
export * from './quorum.js';
export * from './statement.js';
export { assertionSchema, signCountOf, verifyAssertion, type Assertion } from './webauthn.js';
export * from './words.js';
