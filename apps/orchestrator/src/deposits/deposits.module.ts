import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { BlockListeners } from './core/block-listeners.js';
import { DepositsService } from './core/deposits.service.js';
import { FollowersService } from './core/followers.service.js';
import { RegisterWriter } from './core/register-writer.js';
import { DepositsController } from './http/deposits.controller.js';
import { ChainTransactionRow, CoinRow, DepositRow, SafeExecutionRow } from './persistence/entities.js';

/** The block followers, and what they find. */
@Module({
  imports: [
    TypeOrmModule.forFeature([DepositRow, CoinRow, ChainTransactionRow, SafeExecutionRow]),
    CharterModule,
    IncidentsModule,
    LedgerModule,
  ],
  controllers: [DepositsController],
  providers: [DepositsService, RegisterWriter, BlockListeners, FollowersService],
  exports: [BlockListeners, FollowersService],
})
export class DepositsModule {}
