import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { HealthController } from './health.controller.js';

@Module({ imports: [CharterModule, SignersModule], controllers: [HealthController] })
export class HealthModule {}
