import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { openKeyStore, pkcs11ProfileSchema, type KeyStore } from '@bulkhead/keys';
import type { SignerConfig } from '../../config.js';

const ROUTINE = new Set(['host-ready', 'answer-too-late', 'circuit-closed']);

/** Starts the module host for the configured token. It is open even when the token refuses: health says why. */
export function openToken({ token }: SignerConfig): Promise<KeyStore> {
  const logger = new Logger('token');
  return openKeyStore({
    profile: pkcs11ProfileSchema.parse(JSON.parse(readFileSync(token.profileFile, 'utf8'))),
    tokenLabel: token.label,
    pinFile: token.pinFile,
    env: token.env,
    workers: token.workers,
    onEvent: (event) => {
      if (ROUTINE.has(event.event)) logger.log(event);
      else logger.error(event);
    },
  });
}
