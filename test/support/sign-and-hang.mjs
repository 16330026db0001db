/**
 * Stands for a signer that is about to be killed: opens a key store, says its module host's process number, and asks for a
 * signature. Argument: the options of the key store and `keyId`, in JSON.
 */
import { openKeyStore } from '../../dist/libs/keys/src/index.js';

const { keyId, ...options } = JSON.parse(process.argv[2] ?? '');
const store = await openKeyStore({ ...options, requestTimeoutMs: 120_000 });
console.log(store.health().hostPid);
await store.signDigest(keyId, new Uint8Array(32).fill(7));
