import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LedgerService } from './core/ledger.service.js';
import { WalletFreezer } from './core/wallet-freezer.js';
import { LedgerController } from './http/ledger.controller.js';
import { JournalEntryRow, PostingRow, ReconciliationRow, WalletFreezeRow } from './persistence/entities.js';

/** The books and the freezes. Block followers and transfers write through it; reconciliation is a module of its own. */
@Module({
  imports: [TypeOrmModule.forFeature([JournalEntryRow, PostingRow, WalletFreezeRow, ReconciliationRow])],
  controllers: [LedgerController],
  providers: [LedgerService, WalletFreezer],
  exports: [LedgerService, WalletFreezer],
})
export class LedgerModule {}
