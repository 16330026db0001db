import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { HealthController } from './health.controller.js';

/** Can this signer sign, and if not, why? */
@Module({ imports: [CharterModule, KeysModule], controllers: [HealthController] })
export class HealthModule {}
