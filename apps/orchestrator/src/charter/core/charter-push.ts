import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { CharterEntry } from '@bulkhead/charter';
import { JobsService } from '../../jobs/jobs.service.js';
import { SignersService } from '../../signers/signers.service.js';
import { CharterCatchUp, isLive } from './charter-catch-up.js';
import { CharterService } from './charter.service.js';

const LOOK_EVERY_MS = 15_000;

/** Brings each signer the charter entries that it lacks. A signer that is down gets them at a later try. */
@Injectable()
export class CharterPush implements OnModuleInit, OnApplicationShutdown {
  private readonly log = new Logger('charter');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly charter: CharterService,
    private readonly catchUp: CharterCatchUp,
    private readonly signers: SignersService,
    private readonly jobs: JobsService,
  ) {}

  onModuleInit(): void {
    this.jobs.handle('charter-push', () => this.push());
  }

  /** Throws when a signer could not be brought up to date, so that the job is tried again. */
  async push(): Promise<void> {
    const answers = await this.signers.pushEntries(await this.entries());
    const state = await this.charter.required();
    // one that is retired may be gone for good
    const failed = answers.filter(({ signer, result }) => !result.ok && isLive(state, signer));
    for (const { signer, result } of failed) {
      if (!result.ok)
        this.log.warn(`${signer} did not take the charter: ${result.refusal.code} ${result.refusal.detail}`);
    }
    if (failed.length > 0) throw new Error(`charter not taken by ${failed.map(({ signer }) => signer).join(', ')}`);
  }

  /** Brings one signer what it lacks. @returns whether it holds the whole charter now, and did not before */
  async bringUpToDate(signer: string): Promise<boolean> {
    const brought = await this.signers.pushEntriesTo(signer, await this.entries());
    return brought.ok && brought.value.lacked > 0;
  }

  /** Looks now and then whether a signer lacks entries: one that was away for longer than a job is tried again. */
  watch(): void {
    this.timer = setInterval(() => {
      this.pushIfBehind().catch((error: unknown) => {
        this.log.warn(`charter: ${error instanceof Error ? error.message : 'unknown'}`);
      });
    }, LOOK_EVERY_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async pushIfBehind(): Promise<void> {
    await this.catchUp.compare();
    const { heads } = await this.charter.required();
    const answers = await this.signers.heads();
    const lacks = answers.some(
      ({ result }) =>
        result.ok && [...heads].some(([chain, { sequence }]) => (result.value.heads[chain]?.sequence ?? -1) < sequence),
    );
    if (lacks) await this.push();
  }

  private async entries(): Promise<CharterEntry[]> {
    return (await this.charter.entries('0', 100_000)).map(({ entry }) => entry);
  }
}
