import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KeysModule } from '../keys/keys.module.js';
import { ShareStoreModule } from '../mpc/share-store.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { CharterReplica } from './core/charter-replica.js';
import { OwnKeys } from './core/own-keys.js';
import { CharterController } from './http/charter.controller.js';
import { CharterEntryRow } from './persistence/charter-entry.entity.js';
import { CharterLog } from './persistence/charter-log.js';

/** The signer's replica of the charter: verified by itself, append-only. And whether the keys that it names are held. */
@Module({
  imports: [TypeOrmModule.forFeature([CharterEntryRow]), KeysModule, ShareStoreModule, TokenMemoryModule],
  controllers: [CharterController],
  providers: [CharterReplica, CharterLog, OwnKeys],
  exports: [CharterReplica, OwnKeys],
})
export class CharterModule {}
