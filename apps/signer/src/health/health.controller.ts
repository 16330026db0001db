import { Controller, Get, Res } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { RefusalCode } from '@bulkhead/intent';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';
import { CharterReplica, type ReplicaHeads } from '../charter/core/charter-replica.js';
import { WalletKeys } from '../keys/core/wallet-keys.js';
import { LocalFreeze } from '../signing/core/local-freeze.js';
import { TokenMemory } from '../token-memory/core/token-memory.js';
import { SignerIdentity } from '../signer-identity.js';

interface Health {
  readonly signer: string;
  readonly state: 'ready' | 'unavailable';
  /** Why it cannot sign; null when it can. */
  readonly code: RefusalCode | null;
  readonly token: { readonly state: string; readonly detail: string };
  readonly charter: ReplicaHeads;
}

@Controller('health')
export class HealthController {
  constructor(
    private readonly charter: CharterReplica,
    private readonly keys: WalletKeys,
    private readonly identity: SignerIdentity,
    private readonly memory: TokenMemory,
    private readonly freeze: LocalFreeze,
    @InjectDataSource() private readonly database: DataSource,
  ) {}

  /** 200 when this signer could sign, 503 with the reason when it could not. A charter that lags is no such reason. */
  @Get()
  async health(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    const { state, detail, code } = this.keys.health();
    const token = state === 'ready' ? null : (code ?? 'keys.unavailable');
    const problem = token ?? this.ownProblem() ?? (await this.databaseProblem());
    reply.status(problem === null ? 200 : 503);
    return {
      signer: this.identity.id,
      state: problem === null ? 'ready' : 'unavailable',
      code: problem,
      token: { state, detail },
      charter: this.charter.heads(),
    };
  }

  private ownProblem(): RefusalCode | null {
    const refusals = [this.memory.verdict, this.freeze.check()].filter((result) => !result.ok);
    return refusals[0]?.refusal.code ?? null;
  }

  private async databaseProblem(): Promise<RefusalCode | null> {
    try {
      await this.database.query('select 1');
      return null;
    } catch {
      return 'database.unavailable';
    }
  }
}
