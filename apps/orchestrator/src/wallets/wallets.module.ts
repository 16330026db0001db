import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { AddressesService } from './core/addresses.service.js';
import { WalletsController } from './http/wallets.controller.js';

@Module({
  imports: [CharterModule, SignersModule],
  controllers: [WalletsController],
  providers: [AddressesService],
  exports: [AddressesService],
})
export class WalletsModule {}
