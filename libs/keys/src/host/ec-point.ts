import { type Pkcs11Profile } from '../profile.js';

const POINT_BYTES = 65;
const DER_OCTET_STRING = 0x04;

/** The uncompressed point (65 bytes, 04 || x || y) in a CKA_EC_POINT of the given form; `undefined` when it is not so. */
export function decodeEcPoint(value: Uint8Array, form: Pkcs11Profile['ecPoint']): Uint8Array | undefined {
  switch (form) {
    case 'raw':
      return value.length === POINT_BYTES ? value : undefined;
    case 'der-octet-string':
      return value.length === POINT_BYTES + 2 && value[0] === DER_OCTET_STRING && value[1] === POINT_BYTES
        ? value.subarray(2)
        : undefined;
  }
}
