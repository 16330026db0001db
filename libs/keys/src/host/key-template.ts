import pkcs11, { type Attribute, type Template } from 'pkcs11js';

export interface KeyIdentity {
  /** CKA_TOKEN: false for a key that ends with its session. */
  readonly token: boolean;
  readonly id: Buffer;
  readonly label: string;
}

export interface PairTemplates {
  readonly public: Template;
  readonly private: Template;
}

/**
 * How a custody key is asked for, of any curve (PKCS#11 v2.40 sections 4.8 and 4.9). `extractable` only for a key that
 * may be backed up wrapped; even then it never comes out in clear, since it is sensitive.
 */
export function custodyKeyTemplates(
  curveParams: Buffer,
  { token, id, label }: KeyIdentity,
  extractable: boolean,
): PairTemplates {
  const identity = [
    attribute(pkcs11.CKA_TOKEN, token),
    attribute(pkcs11.CKA_ID, id),
    attribute(pkcs11.CKA_LABEL, label),
    unmodifiable,
  ];
  return {
    public: [
      ...identity,
      attribute(pkcs11.CKA_PRIVATE, false),
      attribute(pkcs11.CKA_VERIFY, true),
      attribute(pkcs11.CKA_EC_PARAMS, curveParams),
    ],
    private: [
      ...identity,
      attribute(pkcs11.CKA_PRIVATE, true),
      attribute(pkcs11.CKA_SENSITIVE, true),
      attribute(pkcs11.CKA_EXTRACTABLE, extractable),
      attribute(pkcs11.CKA_SIGN, true),
      ...UNUSED.map((type) => attribute(type, false)),
    ],
  };
}

/** What a custody key must not be good for. */
const UNUSED = [pkcs11.CKA_SIGN_RECOVER, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE];

/** Of both halves: see UNMODIFIABLE. Modules let such objects be destroyed all the same. */
export const unmodifiable: Attribute = { type: pkcs11.CKA_MODIFIABLE, value: false };

export function attribute(type: number, value: boolean | number | string | Buffer): Attribute {
  return { type, value };
}
