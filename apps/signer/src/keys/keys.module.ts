import { Module } from '@nestjs/common';
import type { SignerConfig } from '../config.js';
import { SIGNER_CONFIG } from '../signer-config.js';
import { openToken } from './core/open-token.js';
import { KEY_STORE, WalletKeys } from './core/wallet-keys.js';
import { MetricsController } from './http/metrics.controller.js';

/** The one PKCS#11 token of this signer. */
@Module({
  controllers: [MetricsController],
  providers: [
    { provide: KEY_STORE, inject: [SIGNER_CONFIG], useFactory: (config: SignerConfig) => openToken(config) },
    WalletKeys,
  ],
  exports: [WalletKeys, KEY_STORE],
})
export class KeysModule {}
