import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Clock } from './clock.js';
import type { SignerConfig } from './config.js';
import { SignerIdentity } from './signer-identity.js';

export const SIGNER_CONFIG = Symbol('SIGNER_CONFIG');

/** What every feature may ask for: the configuration, who this signer is, and what time it is. */
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
      ],
      exports: [SIGNER_CONFIG, SignerIdentity, Clock],
    };
  }
}
