import pkcs11 from 'pkcs11js';

/** Of PKCS#11 v3.0 (section 2.3); the binding knows those of v2.40 only. */
export const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055;
export const CKM_EDDSA = 0x1057;
export const CKK_EC_EDWARDS = 0x40;

const VENDOR_DEFINED = 0x80000000;

const NAMES = new Map<number, string>([
  ...Object.entries(pkcs11)
    .filter((entry): entry is [string, number] => entry[0].startsWith('CKM_') && typeof entry[1] === 'number')
    .map(([name, number]): [number, string] => [number, name]),
  [0x1041, 'CKM_ECDSA'],
  [0x1040, 'CKM_EC_KEY_PAIR_GEN'],
  [CKM_EC_EDWARDS_KEY_PAIR_GEN, 'CKM_EC_EDWARDS_KEY_PAIR_GEN'],
  [CKM_EDDSA, 'CKM_EDDSA'],
]);

export function mechanismName(mechanism: number): string {
  const name = NAMES.get(mechanism);
  if (name !== undefined) return name;
  return `${mechanism >= VENDOR_DEFINED ? 'vendor ' : ''}0x${mechanism.toString(16)}`;
}
