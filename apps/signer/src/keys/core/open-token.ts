import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { openKeyStore, pkcs11ProfileSchema, type KeyStore, type KeyStoreOptions } from '@bulkhead/keys';
import type { SignerConfig } from '../../config.js';

const ROUTINE = new Set(['host-ready', 'answer-too-late', 'circuit-closed']);

/** The configured token as the key store wants it; what is not configured has the key store's default. */
export function keyStoreOptions({ profileFile, label, ...others }: SignerConfig['token']): KeyStoreOptions {
  return {
    ...others,
    profile: pkcs11ProfileSchema.parse(JSON.parse(readFileSync(profileFile, 'utf8'))),
    tokenLabel: label,
  };
}

/** Starts the module host for the configured token. It is open even when the token refuses: health says why. */
export function openToken({ token }: SignerConfig): Promise<KeyStore> {
  const logger = new Logger('token');
  return openKeyStore({
    ...keyStoreOptions(token),
    onEvent: (event) => {
      if (ROUTINE.has(event.event)) logger.log(event);
      else logger.error(event);
    },
  });
}
