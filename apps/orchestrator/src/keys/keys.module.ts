import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { KeyInventoryService } from './core/key-inventory.service.js';
import { KeysController } from './http/keys.controller.js';

/** The key inventory. */
@Module({
  imports: [CharterModule, SignersModule],
  controllers: [KeysController],
  providers: [KeyInventoryService],
})
export class KeysModule {}
