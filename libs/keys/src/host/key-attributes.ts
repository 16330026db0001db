import { type Pkcs11Profile } from '../profile.js';
import { type KeyAttributes, keyAttributesSchema } from './protocol.js';

export type KeyBackup = NonNullable<Pkcs11Profile['keyBackup']>;

type Kind = Pick<KeyAttributes, 'extractable' | 'alwaysSensitive' | 'neverExtractable' | 'local'>;

/** What no custody key may ever be good for, and that it cannot be read. */
const ALWAYS = {
  sensitive: true,
  sign: true,
  signRecover: false,
  decrypt: false,
  unwrap: false,
  derive: false,
} as const;

/** A key that was made here and cannot leave: what every key is unless the profile says otherwise. */
const STAYS = { extractable: false, alwaysSensitive: true, neverExtractable: true, local: true } as const;

/** A key that was made here and may leave wrapped by a wrapping key, never in clear: CKA_SENSITIVE stays. */
const WRAPPABLE = { extractable: true, alwaysSensitive: true, neverExtractable: false, local: true } as const;

/** A key that came back wrapped: by the standard it is neither local nor "always" anything, and it leaves no more. */
const RESTORED = { extractable: false, alwaysSensitive: false, neverExtractable: false, local: false } as const;

const ALLOWED: Record<KeyBackup, readonly Kind[]> = {
  none: [STAYS],
  wrapped: [STAYS, WRAPPABLE, RESTORED],
};

/** All of them, to be read back. */
export const ATTRIBUTE_NAMES = keyAttributesSchema.keyof().options;

/**
 * The names of the attributes (PKCS#11 v2.40 sections 4.8 and 4.9) by which a key is not as a custody key must be; empty
 * when it may be used. Where several kinds are allowed, those that keep it from the nearest.
 */
export function wrongAttributes(attributes: KeyAttributes, backup: KeyBackup): string[] {
  const candidates = ALLOWED[backup].map((kind) => {
    const required: KeyAttributes = { ...ALWAYS, ...kind };
    return (Object.keys(attributes) as (keyof KeyAttributes)[]).filter((name) => attributes[name] !== required[name]);
  });
  return candidates.sort((left, right) => left.length - right.length)[0] ?? [];
}
