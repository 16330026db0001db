import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { MpcModule } from '../mpc/mpc.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { AddressesService } from './core/addresses.service.js';
import { IssuanceService } from './core/issuance.service.js';
import { KeyReplacementController } from './http/key-replacement.controller.js';
import { WalletsController } from './http/wallets.controller.js';
import { ManagedAddressRow, OwnerRow, WalletRow } from './persistence/entities.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([OwnerRow, WalletRow, ManagedAddressRow]),
    CharterModule,
    MpcModule,
    SignersModule,
  ],
  controllers: [WalletsController, KeyReplacementController],
  providers: [AddressesService, IssuanceService],
  exports: [AddressesService, IssuanceService],
})
export class WalletsModule {}
