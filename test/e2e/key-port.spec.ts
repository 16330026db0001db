import { jest } from '@jest/globals';
import { computeAddress, recoverAddress } from 'ethers';
import { openKeyStore, type KeyStore } from '@bulkhead/keys';
import { keyPortSuite } from '../support/key-port-suite.js';
import { softhsmToken } from '../support/softhsm.js';

jest.setTimeout(60_000);

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/** As ethers sees it: recovered from the digest, the signer owns the key; it throws on a high s. */
function isSignedBy(publicKey: string, digest: Uint8Array, signature: Uint8Array): boolean {
  const [r, s] = [hex(signature.slice(0, 32)), hex(signature.slice(32))];
  return [27, 28].some((v) => {
    try {
      return recoverAddress(hex(digest), { r, s, v }) === computeAddress(`0x${publicKey}`);
    } catch {
      return false;
    }
  });
}

keyPortSuite('a PKCS#11 token (SoftHSM 2)', async () => {
  const token = await softhsmToken('key-port');
  return {
    open: () => openKeyStore({ ...token, requestTimeoutMs: 30_000 }), // a busy machine
    crash: (port) => {
      process.kill((port as KeyStore).health().hostPid!, 'SIGKILL');
      return Promise.resolve();
    },
    isSignedBy,
    remove: () => {
      token.remove();
      return Promise.resolve();
    },
  };
});
