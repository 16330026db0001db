import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import type { Digest } from '@bulkhead/intent';
import { sealDigest, type Seal } from '@bulkhead/policy';
import { readPrivateFile, type SignerConfig } from './config.js';
import { SIGNER_CONFIG } from './signer-config.js';

/** Signs what this signer says with the key by which the charter knows it: decisions, heads, and what it tells peers. */
@Injectable()
export class IdentitySeal {
  private readonly key: string;
  private readonly certificate: string;

  constructor(@Inject(SIGNER_CONFIG) { tls }: SignerConfig) {
    this.key = readPrivateFile(tls.keyFile);
    this.certificate = readFileSync(tls.certFile, 'utf8');
  }

  /** `digest` is tagged with what it is of, so that no seal stands for anything else. */
  over(digest: Digest): Seal {
    return sealDigest(digest, this.key, this.certificate);
  }
}
