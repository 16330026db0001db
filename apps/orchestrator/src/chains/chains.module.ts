import { Module, type DynamicModule } from '@nestjs/common';
import { BitcoinClient } from './bitcoin-client.js';
import type { ChainsConfig } from './config.js';
import { EthereumClient } from './ethereum-client.js';
import { SafeGateway } from './safe-gateway.js';

/** The two nodes, and Safe's kit in front of one of them. */
@Module({})
export class ChainsModule {
  static register(config: ChainsConfig): DynamicModule {
    return {
      module: ChainsModule,
      global: true,
      providers: [
        { provide: BitcoinClient, useFactory: () => new BitcoinClient(config.bitcoin) },
        { provide: EthereumClient, useFactory: () => new EthereumClient(config.ethereum) },
        {
          provide: SafeGateway,
          useFactory: (client: EthereumClient) => new SafeGateway(client),
          inject: [EthereumClient],
        },
      ],
      exports: [BitcoinClient, EthereumClient, SafeGateway],
    };
  }
}
