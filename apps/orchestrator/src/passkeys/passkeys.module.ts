import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { PasskeysService } from './core/passkeys.service.js';
import { PasskeysController } from './http/passkeys.controller.js';

@Module({ imports: [CharterModule], controllers: [PasskeysController], providers: [PasskeysService] })
export class PasskeysModule {}
