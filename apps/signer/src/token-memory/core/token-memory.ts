import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { KeyStore, TokenRecord } from '@bulkhead/keys';
import { accepted, canonicalJson, digestSchema, refused, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { KEY_STORE } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';

export const tipSchema = z.strictObject({ count: z.int().min(0), hash: digestSchema });
/** How long a log is, and the hash that each of its links has gone into; zeros when it is empty. */
export type LogTip = z.infer<typeof tipSchema>;

/** A log in the database of which the token keeps the tip. */
export interface KeptLog {
  readonly tip: LogTip;
  /** What does not fit in the log itself, found when it was read at the start. */
  readonly fault: string | undefined;
  /** What the tip's hash was after `count` links; undefined when there are fewer. */
  hashAfter(count: number): Promise<Digest | undefined>;
}

const LOGS = ['entries', 'decisions'] as const;
const memorySchema = z.strictObject({
  v: z.literal(1),
  firm: digestSchema,
  /** The charter as this signer has applied it. */
  entries: tipSchema,
  /** All that it has decided, and so what each coin and nonce is for. */
  decisions: tipSchema,
});

/** Another process may be writing the record at this very moment: longer than a write takes. */
const SETTLE_MS = 250;
const MOST_CLAIMS = 4;

/**
 * What the token remembers of this signer's database, so that an older database (a restored backup) is noticed, and
 * which process the token belongs to, so that of two copies of a signer only one signs.
 *
 * The order is: database first, then token, then signature. The token is therefore never ahead of a database that has
 * lost nothing; a database that is ahead of the token (the process died in between) is right, and the token catches up.
 */
@Injectable()
export class TokenMemory implements OnApplicationBootstrap {
  private readonly logger = new Logger('token-memory');
  private readonly logs = new Map<(typeof LOGS)[number], KeptLog>();
  private readonly holder = randomBytes(16).toString('hex');
  /** What we wrote last: nobody else has written since, as long as the token holds it. */
  private held: TokenRecord | undefined;
  /** Why this process never signs again. */
  private end: Result<never> | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private queued: Promise<Result<true>> | undefined;

  constructor(
    @Inject(KEY_STORE) private readonly token: KeyStore,
    private readonly identity: SignerIdentity,
  ) {}

  keep(name: (typeof LOGS)[number], log: KeptLog): void {
    this.logs.set(name, log);
  }

  /** Takes the token for this process. One that cannot be used now is taken when it can. */
  async onApplicationBootstrap(): Promise<void> {
    const claimed = await this.cover();
    if (!claimed.ok) this.logger.error({ msg: 'the token is not taken', ...claimed.refusal });
  }

  /** Why this signer cannot sign, when that is for good. */
  get verdict(): Result<true> {
    return this.end ?? accepted(true);
  }

  /**
   * Refused when this process may not act: `signer.database-rolled-back`, `signer.fenced`, or the token cannot be used.
   * Costs nothing once the token is taken.
   */
  async ready(): Promise<Result<true>> {
    return this.end ?? (this.held ? accepted(true) : this.cover());
  }

  /**
   * Makes sure that the token remembers all that the logs hold now, and still belongs to this process. Those who ask
   * while a write is under way share the next one.
   */
  cover(): Promise<Result<true>> {
    this.queued ??= this.running.then(() => {
      this.queued = undefined;
      const write = this.write();
      this.running = write.catch(() => undefined);
      return write;
    });
    return this.queued;
  }

  private async write(): Promise<Result<true>> {
    if (this.end) return this.end;
    if (!this.held) return this.claim();
    const value = this.value();
    const next = { ...this.held, generation: this.held.generation + 1, value };
    const written = await this.token.advanceRecord(this.held, next);
    if (!written.ok) return written.refusal.code === 'keys.record-moved' ? this.moved() : written;
    this.held = next;
    return accepted(true);
  }

  /** A write of ours that was given up may have got through all the same; everything else is another process. */
  private async moved(): Promise<Result<true>> {
    const found = await this.token.readRecord();
    if (!found.ok) return found;
    if (found.value?.holder !== this.holder || found.value.generation === this.held?.generation) return this.fenced();
    this.held = found.value;
    return this.write();
  }

  private async claim(): Promise<Result<true>> {
    for (let attempt = 0; attempt < MOST_CLAIMS; attempt += 1) {
      const found = await this.token.readRecord();
      if (!found.ok) return found;
      if (found.value?.holder === this.holder) {
        this.held = found.value;
        return this.write();
      }
      const sound = await this.compare(found.value);
      if (!sound.ok) return (this.end = sound);
      const { holder } = this;
      const next = { epoch: (found.value?.epoch ?? 0) + 1, generation: 0, holder, value: this.value() };
      const claimed = await this.token.advanceRecord(found.value, next, SETTLE_MS);
      if (claimed.ok) {
        this.held = next;
        this.logger.log({ msg: 'the token is taken', epoch: next.epoch });
        return accepted(true);
      }
      if (claimed.refusal.code !== 'keys.record-moved') return claimed;
    }
    return this.fenced();
  }

  private fenced(): Result<never> {
    this.end = refused(
      'signer.fenced',
      'Another copy of this signer has taken the token. Stop one; then start the other again.',
    );
    this.logger.error({ msg: 'another copy of this signer has taken the token' });
    return this.end;
  }

  /** Whether the logs hold what the token remembers. A token without a record is a new one. */
  private async compare(record: TokenRecord | null): Promise<Result<never> | Result<true>> {
    for (const [name, log] of this.logs) {
      if (log.fault !== undefined) return rolledBack({ log: name, problem: log.fault });
    }
    if (!record) return accepted(true);
    const memory = memorySchema.parse(JSON.parse(record.value));
    if (memory.firm !== this.identity.firm)
      return rolledBack({ problem: 'the token was used for another firm', firm: memory.firm });
    for (const name of LOGS) {
      const log = this.logs.get(name);
      const { count, hash } = memory[name];
      if ((await log?.hashAfter(count)) !== hash)
        return rolledBack({ log: name, token: String(count), database: String(log?.tip.count) });
    }
    return accepted(true);
  }

  private value(): string {
    const tips = Object.fromEntries(LOGS.map((name) => [name, this.logs.get(name)?.tip]));
    return canonicalJson(memorySchema.parse({ v: 1, firm: this.identity.firm, ...tips }));
  }
}

/** What both the start and a running signer say when the database has forgotten something. */
export const rolledBack = (facts: Readonly<Record<string, string>>): Result<never> =>
  refused(
    'signer.database-rolled-back',
    'The database lacks what this signer has applied or decided. Restore the latest one; if it is lost, retire this signer.',
    facts,
  );
