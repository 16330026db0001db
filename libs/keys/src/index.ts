/** PKCS#11 key custody for one signer: keys are made in the token, stay there, and sign 32-byte digests. */
export { openKeyStore } from './token-key-store.js';
export { type KeyStore, type KeyStoreHealth, type KeyStoreOptions } from './key-store.js';
export { type KeyPort, type PortKey } from './key-port.js';
export { type KeyStoreEvent, type KeyStoreListener } from './events.js';
export {
  keyAttributesSchema,
  keyIdSchema,
  type KeyAttributes,
  type KeyRecord,
  type TokenInfo,
  type TokenObject,
  type TokenRecord,
  wrappingKeyIdSchema,
  type WrappedKey,
} from './host/protocol.js';
export { wrongAttributes } from './host/key-attributes.js';
export { type Finding, type ProbeStatus } from './probe/finding.js';
export { probeModule, type ProbeOptions, type ProbeReport } from './probe/probe-module.js';
export { type TokenMetrics } from './token-metrics.js';
export { controlDigest, controlStatementSchema, verifyControl, type ControlStatement } from './proof-of-control.js';
export { MOST_WRONG_PINS } from './pin-tries.js';
export { initialiseToken, type TokenInitialisation } from './token-initialisation.js';
export { pkcs11ProfileSchema, softhsmConfiguration, tokenLabelSchema, type Pkcs11Profile } from './profile.js';
export { CURVE_ORDER, DIGEST_BYTES, SIGNATURE_BYTES, isLowS, normaliseLowS, verifyLowS } from './signature.js';
export { signatureFromDer, signatureToDer } from './signature-der.js';
export * from './backup/index.js';
export * from './frost/index.js';
