import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SignerIdentity } from '../../signer-identity.js';
import { WalletKeys } from '../core/wallet-keys.js';
import { METRICS_CONTENT_TYPE, metricsText } from './metrics-text.js';

@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly keys: WalletKeys,
    private readonly identity: SignerIdentity,
  ) {}

  /** Rate, latency, queue and errors of this signer's token, for Prometheus; by mutual TLS, as every route here. */
  @Get()
  metrics(@Res({ passthrough: true }) reply: FastifyReply): string {
    reply.type(METRICS_CONTENT_TYPE);
    return metricsText(this.identity.id, this.keys.metrics());
  }
}
