import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { KitsService } from './core/kits.service.js';
import { KitsController } from './http/kits.controller.js';

/** Recovery kits over the API. */
@Module({ imports: [CharterModule], controllers: [KitsController], providers: [KitsService] })
export class KitsModule {}
