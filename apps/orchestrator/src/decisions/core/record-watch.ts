import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { digestSchema } from '@bulkhead/intent';
import { followDecisions, NO_DECISIONS, type DecisionTip, type SignedDecision } from '@bulkhead/policy';
import { DataSource } from 'typeorm';
import { CharterService } from '../../charter/core/charter.service.js';
import { IncidentsService } from '../../incidents/core/incidents.service.js';
import type { SignerDecisions } from '../../signers/answers.js';
import { SignersService } from '../../signers/signers.service.js';
import { SignerRecordRow } from '../persistence/entities.js';
import { DecisionsService } from './decisions.service.js';

const LOOK_EVERY_MS = 15_000;

/**
 * Follows each signer's chain of decisions and keeps every link. A decision that is missing, changed or another than the
 * signer has shown before opens an incident: somebody has been at its record.
 */
@Injectable()
export class RecordWatch implements OnApplicationShutdown {
  private readonly log = new Logger('decisions');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: DataSource,
    private readonly decisions: DecisionsService,
    private readonly charter: CharterService,
    private readonly signers: SignersService,
    private readonly incidents: IncidentsService,
  ) {}

  begin(): void {
    const look = (): void => {
      this.looking = this.look().catch((error: unknown) => {
        this.log.warn(`decisions: ${error instanceof Error ? error.message : 'unknown'}`);
      });
    };
    look();
    this.timer = setInterval(look, LOOK_EVERY_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  async look(): Promise<void> {
    await Promise.all(this.signers.all().map(({ id }) => this.follow(id)));
  }

  private async follow(id: string): Promise<void> {
    const signer = (await this.charter.required()).signers.get(id);
    if (!signer) return;
    for (;;) {
      const tip = await this.tipOf(id);
      const shown = await this.decisions.shown(id);
      const page = await this.signers.decisions(id, tip.count);
      if (!page.ok) return; // away: it is asked again
      const next = followDecisions(tip, page.value.decisions, signer);
      const problem = next.ok
        ? await this.problemOf(id, tip, next.value, shown, page.value)
        : `decision ${next.refusal.facts['position'] ?? ''}: ${next.refusal.facts['problem'] ?? ''}`;
      if (problem !== undefined) return this.report(id, tip, problem);
      if (!next.ok || page.value.decisions.length === 0) return;
      await this.keep(id, page.value.decisions, next.value);
    }
  }

  private async problemOf(
    id: string,
    before: DecisionTip,
    after: DecisionTip,
    shown: number,
    { decisions, tip }: SignerDecisions,
  ): Promise<string | undefined> {
    const had = Math.max(before.count, shown);
    if (tip.count < had) return `it has ${tip.count} decisions and has had ${had}`;
    if (after.count === tip.count && after.hash !== tip.hash) return `decision ${tip.count - 1} is another than it was`;
    if (decisions.length === 0 && after.count < tip.count) return `decision ${after.count} is not shown`;
    const place = await this.decisions.contradicted(id, decisions);
    return place === undefined ? undefined : `decision ${place} is another than it has shown before`;
  }

  private async keep(signer: string, decisions: readonly SignedDecision[], tip: DecisionTip): Promise<void> {
    await this.database.transaction(async (manager) => {
      const transfers = await this.decisions.transfersOf(manager, decisions);
      for (const decision of decisions) {
        const { intentDigest } = decision.record;
        await this.decisions.keep(decision, (intentDigest && transfers.get(intentDigest)) ?? null, manager);
      }
      await manager.upsert(SignerRecordRow, { signer, ...tip }, ['signer']);
    });
  }

  private async tipOf(signer: string): Promise<DecisionTip> {
    const row = await this.database.manager.findOneBy(SignerRecordRow, { signer });
    return row ? { count: row.count, hash: digestSchema.parse(row.hash) } : NO_DECISIONS;
  }

  private async report(signer: string, { count }: DecisionTip, problem: string): Promise<void> {
    this.log.error(`the record of ${signer} is broken: ${problem}`);
    await this.incidents.open(this.database.manager, {
      kind: 'signer.record',
      key: `signer.record:${signer}:${count}`,
      detail: { signer, followed: String(count), problem },
    });
  }
}
