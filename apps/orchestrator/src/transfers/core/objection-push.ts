import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { wordsOn } from '../../charter/core/approval-records.js';
import { isLive } from '../../charter/core/charter-catch-up.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { SignersService, type SignerAnswer } from '../../signers/signers.service.js';
import { TransferRow } from '../persistence/entities.js';

/** A signer that was away can be asked again; one that refuses a word has said what it thinks of it. */
const AWAY = new Set(['signer.unavailable', 'signer.timeout', 'signer.answer-invalid']);

/**
 * Brings each signer what members have said against a transfer, a REJECT or a WITHDRAW: it then binds whoever has the
 * orchestrator.
 */
@Injectable()
export class ObjectionPush implements OnModuleInit {
  private readonly log = new Logger('transfers');

  constructor(
    private readonly database: DataSource,
    private readonly charter: CharterService,
    private readonly signers: SignersService,
    private readonly jobs: JobsService,
  ) {}

  onModuleInit(): void {
    // the queue has the name of what it carried first: jobs of before are still in it
    this.jobs.handle('rejection', (transfer) => this.push(transfer));
  }

  /** Throws when a signer did not answer, so that the job is tried again. */
  private async push(transfer: string): Promise<void> {
    const { intentDigest } = await this.database.manager.findOneByOrFail(TransferRow, { id: transfer });
    const words = await wordsOn(this.database.manager, intentDigest);
    const objections = words.filter(({ statement }) => statement.decision !== 'APPROVE');
    const state = await this.charter.required();
    const answers = (await Promise.all(objections.map((word) => this.signers.object(word)))).flat();
    const missed = answers.filter(({ signer, result }) => !result.ok && isLive(state, signer));
    for (const answer of missed) this.warn(transfer, answer);
    if (missed.some(({ result }) => !result.ok && AWAY.has(result.refusal.code)))
      throw new Error(`the objection to ${transfer} is not known to every signer`);
  }

  private warn(transfer: string, { signer, result }: SignerAnswer<unknown>): void {
    if (!result.ok) this.log.warn(`${signer} did not take the objection to ${transfer}: ${result.refusal.code}`);
  }
}
