import { jest } from '@jest/globals';
import * as ecc from 'tiny-secp256k1';
import { enrolMembers } from '../../libs/keys/test/frost-members.js';
import { FrostPort } from '../support/frost-port.js';
import { keyPortSuite } from '../support/key-port-suite.js';
import { softhsmToken } from '../support/softhsm.js';

jest.setTimeout(60_000);

keyPortSuite('a FROST group of three tokens (2 of 3)', async () => {
  await enrolMembers();
  const tokens = await Promise.all([1, 2, 3].map((number) => softhsmToken(`frost-${number}`)));
  let port: FrostPort;
  return {
    open: async () => (port = await FrostPort.open(tokens)),
    crash: () => {
      for (const { store } of port.members) process.kill(store.health().hostPid!, 'SIGKILL');
      return Promise.resolve();
    },
    isSignedBy: (publicKey, digest, signature) => {
      try {
        return ecc.verifySchnorr(digest, Buffer.from(publicKey, 'hex'), signature);
      } catch {
        return false;
      }
    },
    remove: () => {
      for (const token of tokens) token.remove();
      return Promise.resolve();
    },
    atOnce: 8,
  };
});
