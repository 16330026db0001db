import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { signDecision, type DecisionRecord, type SignedDecision } from '@bulkhead/policy';
import { readPrivateFile, type SignerConfig } from '../../config.js';
import { SIGNER_CONFIG } from '../../settings.module.js';

/** Signs decision records with the key by which the charter knows this signer. */
@Injectable()
export class DecisionSeal {
  private readonly key: string;
  private readonly certificate: string;

  constructor(@Inject(SIGNER_CONFIG) { tls }: SignerConfig) {
    this.key = readPrivateFile(tls.keyFile);
    this.certificate = readFileSync(tls.certFile, 'utf8');
  }

  seal(record: DecisionRecord): SignedDecision {
    return signDecision(record, this.key, this.certificate);
  }
}
