import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { SigningModule } from '../signing/signing.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { HealthController } from './health.controller.js';

/** Can this signer sign, and if not, why? */
@Module({ imports: [CharterModule, KeysModule, SigningModule, TokenMemoryModule], controllers: [HealthController] })
export class HealthModule {}
