/**
 * A module host that a key store must not trust: what it does wrong is in the key's name. Its keys are in its memory;
 * it loads no PKCS#11 module.
 */
import { createHash } from 'node:crypto';
import * as secp256k1 from 'tiny-secp256k1';

const privateKey = (name) => createHash('sha256').update(name).digest();
const attributes = {
  sensitive: true,
  extractable: false,
  alwaysSensitive: true,
  neverExtractable: true,
  local: true,
  sign: true,
  signRecover: false,
  decrypt: false,
  unwrap: false,
  derive: false,
};
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
let asked = 0;

function publicKey(keyId) {
  asked += 1;
  // 5 is no x of secp256k1
  if (keyId === 'off-curve') return { keyId, publicKey: `02${'5'.padStart(64, '0')}`, attributes };
  const name = keyId === 'changes' ? `${keyId} ${asked}` : keyId;
  const point = secp256k1.pointFromScalar(privateKey(name), true);
  return { keyId: keyId === 'renamed' ? 'another' : keyId, publicKey: Buffer.from(point).toString('hex'), attributes };
}

function signature(keyId, digest) {
  const honest = secp256k1.sign(digest, privateKey(keyId));
  switch (keyId) {
    case 'other-digest':
      return secp256k1.sign(Buffer.from(digest).reverse(), privateKey(keyId));
    case 'other-key':
      return secp256k1.sign(digest, privateKey('stranger'));
    case 'high-s': {
      const s = ORDER - BigInt(`0x${Buffer.from(honest.slice(32)).toString('hex')}`);
      return Buffer.concat([honest.slice(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
    }
    case 'too-short':
      return honest.slice(0, 63);
    case 'dies':
      process.exit(1);
      return honest;
    default:
      return honest;
  }
}

process.once('message', () => {
  process.on('message', ({ id, op, keyId, digest }) => {
    if (keyId === 'babbles') process.send({ kind: 'answer', id: 'not a number' });
    else process.send({ kind: 'answer', id, value: op === 'signDigest' ? signature(keyId, digest) : publicKey(keyId) });
  });
  process.send({ kind: 'ready', token: { label: 'fake', serial: '0', manufacturer: 'test', model: 'test' } });
});
