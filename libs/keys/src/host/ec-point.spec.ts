import { decodeEcPoint } from './ec-point.js';

/** The generator of secp256k1, uncompressed (SEC 2 version 2.0, section 2.4.1). */
const GENERATOR = Buffer.from(
  '0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8',
  'hex',
);
const inOctetString = Buffer.concat([Buffer.from([0x04, 0x41]), GENERATOR]);

describe('CKA_EC_POINT', () => {
  it('is unwrapped when the profile says DER, taken as it is when it says raw', () => {
    expect(decodeEcPoint(inOctetString, 'der-octet-string')).toEqual(GENERATOR);
    expect(decodeEcPoint(GENERATOR, 'raw')).toEqual(GENERATOR);
  });

  it('is not guessed: the other form, a cut one or another length gives nothing', () => {
    expect(decodeEcPoint(GENERATOR, 'der-octet-string')).toBeUndefined();
    expect(decodeEcPoint(inOctetString, 'raw')).toBeUndefined();
    expect(decodeEcPoint(inOctetString.subarray(0, 66), 'der-octet-string')).toBeUndefined();
    expect(decodeEcPoint(Buffer.concat([inOctetString, Buffer.from([0])]), 'der-octet-string')).toBeUndefined();
    expect(decodeEcPoint(Buffer.alloc(0), 'raw')).toBeUndefined();
  });
});
