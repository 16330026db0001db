import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { SigningModule } from '../signing/signing.module.js';
import { GroupSessions } from './core/group-sessions.js';
import { MpcSigningService } from './core/mpc-signing.service.js';
import { GroupSessionsController } from './http/group-sessions.controller.js';
import { MpcSigningController } from './http/mpc-signing.controller.js';
import { FrostLockRow } from './persistence/frost-lock.entity.js';
import { FrostNoncesRow } from './persistence/frost-nonces.entity.js';
import { GroupLock } from './persistence/group-lock.js';
import { NonceStore } from './persistence/nonce-store.js';
import { ShareStoreModule } from './share-store.module.js';

/** A member of groups that hold one Taproot key in shares (FROST, RFC 9591): generate, refresh, sign. */
@Module({
  imports: [TypeOrmModule.forFeature([FrostNoncesRow, FrostLockRow]), CharterModule, SigningModule, ShareStoreModule],
  controllers: [GroupSessionsController, MpcSigningController],
  providers: [GroupSessions, MpcSigningService, NonceStore, GroupLock],
})
export class MpcModule {}
