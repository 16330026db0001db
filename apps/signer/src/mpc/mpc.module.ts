import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { PeersModule } from '../peers/peers.module.js';
import { SigningModule } from '../signing/signing.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { AbandonedShares } from './core/abandoned-shares.js';
import { GroupSessions } from './core/group-sessions.js';
import { MpcSigningService } from './core/mpc-signing.service.js';
import { ReshareGate } from './core/reshare-gate.js';
import { ShareSwitch } from './core/share-switch.js';
import { GroupSessionsController } from './http/group-sessions.controller.js';
import { MpcSigningController } from './http/mpc-signing.controller.js';
import { ShareSwitchController } from './http/share-switch.controller.js';
import { FrostLockRow } from './persistence/frost-lock.entity.js';
import { FrostNoncesRow } from './persistence/frost-nonces.entity.js';
import { GroupLock } from './persistence/group-lock.js';
import { NonceStore } from './persistence/nonce-store.js';
import { ShareStoreModule } from './share-store.module.js';

/** A member of groups that hold one Taproot key in shares (FROST, RFC 9591): generate, refresh, reshare, sign. */
@Module({
  imports: [
    TypeOrmModule.forFeature([FrostNoncesRow, FrostLockRow]),
    CharterModule,
    PeersModule,
    SigningModule,
    ShareStoreModule,
    TokenMemoryModule,
  ],
  controllers: [GroupSessionsController, ShareSwitchController, MpcSigningController],
  providers: [AbandonedShares, GroupSessions, ReshareGate, ShareSwitch, MpcSigningService, NonceStore, GroupLock],
})
export class MpcModule {}
