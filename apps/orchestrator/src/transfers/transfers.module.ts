import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { DepositsModule } from '../deposits/deposits.module.js';
import { GasModule } from '../gas/gas.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { MpcModule } from '../mpc/mpc.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { WalletsModule } from '../wallets/wallets.module.js';
import { PayloadBuilder } from './core/build-payload.js';
import { GroupSignatureCollector } from './core/collect-group-signature.js';
import { SignatureCollector } from './core/collect-signatures.js';
import { Inclusion } from './core/inclusion.js';
import { ObjectionPush } from './core/objection-push.js';
import { TransferHistory } from './core/transfer-history.js';
import { TransferStore } from './core/transfer-store.js';
import { TransferWorker } from './core/transfer-worker.js';
import { TransfersService } from './core/transfers.service.js';
import { TransfersController } from './http/transfers.controller.js';
import { TransferRow, TransferSignatureRow } from './persistence/entities.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([TransferRow, TransferSignatureRow]),
    CharterModule,
    DecisionsModule,
    DepositsModule,
    GasModule,
    LedgerModule,
    MpcModule,
    SignersModule,
    WalletsModule,
  ],
  controllers: [TransfersController],
  providers: [
    TransferStore,
    TransferHistory,
    TransfersService,
    PayloadBuilder,
    SignatureCollector,
    GroupSignatureCollector,
    Inclusion,
    TransferWorker,
    ObjectionPush,
  ],
  exports: [TransferWorker, TransferHistory, TransferStore, TransfersService],
})
export class TransfersModule {}
