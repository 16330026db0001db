import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { refused, RefusalError } from '@bulkhead/intent';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { BitcoinClient } from '../chains/bitcoin-client.js';
import { EthereumClient } from '../chains/ethereum-client.js';
import { CharterService } from '../charter/core/charter.service.js';
import { Public } from '../http/member.js';
import { ApiAnswer } from '../http/openapi.js';
import { SignersService } from '../signers/signers.service.js';

const healthSchema = z.strictObject({ status: z.literal('ok') });
const readinessSchema = z.strictObject({ status: z.literal('ready'), parts: z.record(z.string(), z.string()) });

/** `/health`: the process runs. `/ready`: every part behind it answers; else 503 with what each part says. */
@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly database: DataSource,
    private readonly charter: CharterService,
    private readonly bitcoin: BitcoinClient,
    private readonly ethereum: EthereumClient,
    private readonly signers: SignersService,
  ) {}

  @Get('health')
  @Public()
  @ApiAnswer(200, healthSchema, 'The process runs')
  health(): z.infer<typeof healthSchema> {
    return { status: 'ok' };
  }

  @Get('ready')
  @Public()
  @ApiAnswer(200, readinessSchema, 'Every part answers')
  async ready(): Promise<z.infer<typeof readinessSchema>> {
    const probes: Record<string, () => Promise<string>> = {
      database: async () => {
        await this.database.query('select 1');
        return 'ok';
      },
      charter: async () => `sequence ${(await this.charter.required()).heads.get('firm')?.sequence ?? 'none'}`,
      bitcoin: async () => `height ${await this.bitcoin.blockCount()}`,
      ethereum: async () => `height ${await this.ethereum.blockNumber()}`,
    };
    const parts: Record<string, string> = {};
    let failed = false;
    await Promise.all(
      Object.entries(probes).map(async ([name, probe]) => {
        try {
          parts[name] = await probe();
        } catch (error) {
          failed = true;
          parts[name] = error instanceof RefusalError ? error.refusal.code : 'not available';
        }
      }),
    );
    const known = await this.charter.state().catch(() => undefined); // the database may be away: see its own part
    for (const { signer, result } of await this.signers.health()) {
      const isRetired = known?.signers.get(signer)?.retired === true;
      failed ||= !result.ok && !isRetired;
      parts[signer] = isRetired ? 'retired' : result.ok ? 'ok' : result.refusal.code;
    }
    for (const { id, retired } of known?.signers.values() ?? []) {
      if (retired || parts[id] !== undefined) continue;
      failed = true;
      parts[id] = 'not configured';
    }
    if (failed)
      throw new RefusalError(refused('chain.unavailable', 'A part does not answer; see facts.', parts).refusal);
    return { status: 'ready', parts };
  }
}
