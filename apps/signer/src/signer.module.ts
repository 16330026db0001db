import { Module, type DynamicModule } from '@nestjs/common';
import { CharterModule } from './charter/charter.module.js';
import type { SignerConfig } from './config.js';
import { databaseModule } from './database/database.module.js';
import { DoorModule } from './door/door.module.js';
import { HealthModule } from './health/health.module.js';
import { KeyLifeModule } from './key-life/key-life.module.js';
import { KeysModule } from './keys/keys.module.js';
import { MpcModule } from './mpc/mpc.module.js';
import { SettingsModule } from './settings.module.js';
import { SigningModule } from './signing/signing.module.js';

/** The gate in front of one PKCS#11 token. */
@Module({})
export class SignerModule {
  static with(config: SignerConfig): DynamicModule {
    return {
      module: SignerModule,
      imports: [
        SettingsModule.with(config),
        databaseModule(),
        KeysModule,
        CharterModule,
        SigningModule,
        DoorModule,
        MpcModule,
        KeyLifeModule,
        HealthModule,
      ],
    };
  }
}
