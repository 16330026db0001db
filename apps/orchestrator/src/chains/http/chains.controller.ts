import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { chainIdSchema, RefusalError, type ChainId } from '@bulkhead/intent';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { BitcoinClient } from '../bitcoin-client.js';
import { cursorOf } from '../core/cursor.js';
import { EthereumClient } from '../ethereum-client.js';

const chainViewSchema = z.strictObject({
  chain: chainIdSchema,
  /** The last block whose entries are in the register; null before the chain is followed. */
  followed: z.strictObject({ height: z.int(), hash: z.string() }).nullable(),
  /** The node's best height; null while it does not answer. */
  nodeHeight: z.int().nullable(),
  /** Blocks that the node has and the register has not; null when either is unknown. */
  lagBlocks: z.int().nullable(),
});
type ChainView = z.infer<typeof chainViewSchema>;

/** How far each chain has been read. */
@ApiTags('chains')
@ApiBearerAuth()
@Controller('v1/chains')
export class ChainsController {
  constructor(
    private readonly database: DataSource,
    private readonly bitcoin: BitcoinClient,
    private readonly ethereum: EthereumClient,
  ) {}

  @Get()
  @ApiAnswer(200, z.array(chainViewSchema), 'Both chains, and how far the register is behind their nodes')
  async chains(): Promise<ChainView[]> {
    return Promise.all([
      this.view(this.bitcoin.chain, this.bitcoin.blockCount()),
      this.view(this.ethereum.chain, this.ethereum.blockNumber()),
    ]);
  }

  private async view(chain: ChainId, asked: Promise<number>): Promise<ChainView> {
    const [cursor, nodeHeight] = await Promise.all([
      cursorOf(this.database.manager, chain),
      asked.catch((error: unknown) => {
        if (error instanceof RefusalError) return null;
        throw error;
      }),
    ]);
    return {
      chain,
      followed: cursor ? { height: cursor.height, hash: cursor.hash } : null,
      nodeHeight,
      lagBlocks: cursor && nodeHeight !== null ? Math.max(0, nodeHeight - cursor.height) : null,
    };
  }
}
