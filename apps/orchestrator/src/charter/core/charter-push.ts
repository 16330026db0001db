import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { CharterEntry } from '@bulkhead/charter';
import { JobsService } from '../../jobs/jobs.service.js';
import { SignersService } from '../../signers/signers.service.js';
import { CharterService } from './charter.service.js';

/** Brings each signer the charter entries that it lacks. A signer that is down gets them at a later try. */
@Injectable()
export class CharterPush implements OnModuleInit {
  private readonly log = new Logger('charter');

  constructor(
    private readonly charter: CharterService,
    private readonly signers: SignersService,
    private readonly jobs: JobsService,
  ) {}

  onModuleInit(): void {
    this.jobs.handle('charter-push', () => this.push());
  }

  /** Throws when a signer could not be brought up to date, so that the job is tried again. */
  async push(): Promise<void> {
    const answers = await this.signers.pushEntries(await this.entries());
    const failed = answers.filter((answer) => !answer.result.ok);
    for (const { signer, result } of failed) {
      if (!result.ok)
        this.log.warn(`${signer} did not take the charter: ${result.refusal.code} ${result.refusal.detail}`);
    }
    if (failed.length > 0) throw new Error(`charter not taken by ${failed.map(({ signer }) => signer).join(', ')}`);
  }

  /** Brings the signers what they lack. @returns whether this one holds the whole charter now, and did not before */
  async bringUpToDate(signer: string): Promise<boolean> {
    const before = (await this.signers.heads()).find((answer) => answer.signer === signer);
    const answers = await this.signers.pushEntries(await this.entries());
    const after = answers.find((answer) => answer.signer === signer);
    if (!before?.result.ok || !after?.result.ok) return false;
    return JSON.stringify(before.result.value.heads) !== JSON.stringify(after.result.value.heads);
  }

  private async entries(): Promise<CharterEntry[]> {
    return (await this.charter.entries('0', 100_000)).map(({ entry }) => entry);
  }
}
