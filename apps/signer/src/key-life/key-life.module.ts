import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { KeysController } from '../keys/http/keys.controller.js';
import { ShareStoreModule } from '../mpc/share-store.module.js';
import { SigningModule } from '../signing/signing.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { KeyDestruction } from './core/key-destruction.js';
import { KeyInventory } from './core/key-inventory.js';
import { Proofs } from './core/proofs.js';
import { KeyLifeController } from './http/key-life.controller.js';
import { KeyRecordRow } from './persistence/key-record.entity.js';
import { KeyRecords } from './persistence/key-records.js';

/** The life of this signer's keys, as the charter has it: made, shown to be held, listed, destroyed. */
@Module({
  imports: [
    TypeOrmModule.forFeature([KeyRecordRow]),
    CharterModule,
    KeysModule,
    ShareStoreModule,
    SigningModule,
    TokenMemoryModule,
  ],
  controllers: [KeysController, KeyLifeController],
  providers: [KeyDestruction, KeyInventory, KeyRecords, Proofs],
})
export class KeyLifeModule {}
