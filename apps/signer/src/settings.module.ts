import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Clock } from './clock.js';
import type { SignerConfig } from './config.js';
import { IdentitySeal } from './identity-seal.js';
import { SIGNER_CONFIG } from './signer-config.js';
import { SignerIdentity } from './signer-identity.js';

/** What every feature may ask for: the configuration, who this signer is, its signature, and what time it is. */
@Global()
@Module({})
export class SettingsModule {
  static with(config: SignerConfig): DynamicModule {
    return {
      module: SettingsModule,
      providers: [
        { provide: SIGNER_CONFIG, useValue: config },
        { provide: SignerIdentity, useValue: SignerIdentity.of(config) },
        Clock,
        IdentitySeal,
      ],
      exports: [SIGNER_CONFIG, SignerIdentity, Clock, IdentitySeal],
    };
  }
}
