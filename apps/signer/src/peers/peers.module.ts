import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { ObjectionsModule } from '../objections/objections.module.js';
import { Peers } from './core/peers.js';
import { PeerLog } from './persistence/peer-log.js';
import { PeerCursorRow, PeerSpendRow } from './persistence/peer-spend.entity.js';

/** What the firm's other signers know. */
@Module({
  imports: [TypeOrmModule.forFeature([PeerSpendRow, PeerCursorRow]), CharterModule, ObjectionsModule],
  providers: [Peers, PeerLog],
  exports: [Peers],
})
export class PeersModule {}
