import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KeysModule } from '../keys/keys.module.js';
import { FrostConfirmationRow } from './persistence/frost-confirmation.entity.js';
import { FrostShareRow } from './persistence/frost-share.entity.js';
import { ShareStore } from './persistence/share-store.js';

/** The shares of MPC groups that this signer holds. */
@Module({
  imports: [TypeOrmModule.forFeature([FrostShareRow, FrostConfirmationRow]), KeysModule],
  providers: [ShareStore],
  exports: [ShareStore],
})
export class ShareStoreModule {}
