import { statSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { accepted, refused, type Result } from '@bulkhead/intent';
import type { SignerConfig } from '../../config.js';
import { SIGNER_CONFIG } from '../../signer-config.js';

/** The operator of this signer stops it by making a file, and asks nobody. */
@Injectable()
export class LocalFreeze {
  private readonly file: string | undefined;

  constructor(@Inject(SIGNER_CONFIG) { freezeFile }: SignerConfig) {
    this.file = freezeFile;
  }

  /** `signer.frozen-locally` when the file is there, or when nobody can say that it is not. */
  check(): Result<true> {
    if (this.file === undefined || this.isAbsent(this.file)) return accepted(true);
    return refused('signer.frozen-locally', 'The operator of this signer has frozen it.');
  }

  private isAbsent(file: string): boolean {
    try {
      statSync(file);
      return false;
    } catch (error) {
      return error instanceof Error && Reflect.get(error, 'code') === 'ENOENT';
    }
  }
}
