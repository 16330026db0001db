import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { CHAIN_BALANCES } from '../ledger/core/chain-balances.js';
import { BitcoinClient } from './bitcoin-client.js';
import { CHAINS_CONFIG, type ChainsConfig } from './config.js';
import { NodeBalances } from './core/node-balances.js';
import { EthereumClient } from './ethereum-client.js';
import { ChainsController } from './http/chains.controller.js';
import { BlockRow } from './persistence/entities.js';
import { SafeGateway } from './safe-gateway.js';

/** The two nodes, Safe's kit in front of one of them, and what they say of balances. */
@Module({})
export class ChainsModule {
  static register(config: ChainsConfig): DynamicModule {
    return {
      module: ChainsModule,
      global: true,
      imports: [TypeOrmModule.forFeature([BlockRow]), CharterModule],
      controllers: [ChainsController],
      providers: [
        { provide: CHAINS_CONFIG, useValue: config },
        { provide: BitcoinClient, useFactory: () => new BitcoinClient(config.bitcoin) },
        { provide: EthereumClient, useFactory: () => new EthereumClient(config.ethereum) },
        {
          provide: SafeGateway,
          useFactory: (client: EthereumClient) => new SafeGateway(client),
          inject: [EthereumClient],
        },
        { provide: CHAIN_BALANCES, useClass: NodeBalances },
      ],
      exports: [CHAINS_CONFIG, BitcoinClient, EthereumClient, SafeGateway, CHAIN_BALANCES],
    };
  }
}
