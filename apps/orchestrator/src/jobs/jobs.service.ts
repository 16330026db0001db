import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { PgBoss } from 'pg-boss';
import type { EntityManager } from 'typeorm';
import { readDatabaseUrl } from '../database/database-url.js';
import { CONFIG, type Config } from '../config.js';

/** A job says only "look at this": state lives in our own tables, and every handler can run twice. */
export const QUEUES = ['address-proof', 'charter-push', 'rejection', 'safe-deployment', 'transfer'] as const;
export type Queue = (typeof QUEUES)[number];

/** How often a job is tried again. What nothing else would ever look at again is tried until it is done. */
const RETRIES: Readonly<Record<Queue, number>> = {
  'address-proof': 1_000_000,
  'charter-push': 8,
  rejection: 1_000_000,
  'safe-deployment': 1_000_000,
  transfer: 8,
};

/** How many jobs of a queue are worked on at once. */
const WORKERS: Readonly<Record<Queue, number>> = {
  'address-proof': 2,
  'charter-push': 2,
  rejection: 1,
  'safe-deployment': 4,
  transfer: 8,
};
/** Notifications tell of new jobs; only a poll finds those that are due again or later. */
const POLLING = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 1 };
export type JobHandler = (subject: string) => Promise<void>;

/** Wake-ups carried by pg-boss on the same database, enqueued in the transaction of the change they follow. */
@Injectable()
export class JobsService implements OnApplicationShutdown {
  private readonly log = new Logger('jobs');
  private readonly handlers = new Map<Queue, JobHandler>();
  private boss: PgBoss | undefined;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  handle(queue: Queue, handler: JobHandler): void {
    this.handlers.set(queue, handler);
  }

  /** Installs pg-boss's schema; after it, {@link enqueue} works. */
  async prepare(): Promise<void> {
    const boss = new PgBoss({
      connectionString: readDatabaseUrl(this.config.database.urlFile),
      schema: 'jobs',
      max: 4,
      useListenNotify: true,
      monitorIntervalSeconds: 5,
      superviseIntervalSeconds: 5,
    });
    boss.on('error', (error: Error) => {
      this.log.warn(`pg-boss: ${error.message}`);
    });
    await boss.start();
    for (const queue of QUEUES) {
      await boss.createQueue(queue, {
        notify: true,
        retryLimit: RETRIES[queue],
        retryDelay: 1,
        retryBackoff: true,
        retryDelayMax: 15,
        expireInSeconds: 120,
      });
    }
    this.boss = boss;
  }

  /** Starts the workers, several for each queue. */
  async work(): Promise<void> {
    for (const [queue, handler] of this.handlers) {
      for (let started = 0; started < WORKERS[queue]; started += 1) await this.startWorker(queue, handler);
    }
  }

  /**
   * A worker takes one job at a time. Left to itself it would then wait for a notification or the next poll, with jobs
   * in the queue that came while all were at work: so one that had a job looks for another at once.
   */
  private async startWorker(queue: Queue, handler: JobHandler): Promise<void> {
    const boss = this.required();
    const worker = await boss.work<{ subject: string }>(queue, POLLING, async ([job]) => {
      if (!job) return;
      boss.notifyWorker(worker);
      await handler(job.data.subject);
    });
  }

  /** With a manager: in its transaction, so that a rolled-back change wakes nobody. */
  async enqueue(queue: Queue, subject: string, manager?: EntityManager, delaySeconds = 0): Promise<void> {
    const transaction = manager && {
      db: {
        executeSql: async (sql: string, values?: unknown[]) => ({
          rows: (await manager.query(sql, values)) as unknown as Record<string, unknown>[],
        }),
      },
    };
    await this.required().send(
      queue,
      { subject },
      { ...transaction, ...(delaySeconds > 0 && { startAfter: delaySeconds }) },
    );
  }

  /** {@link enqueue} for a look now and then: it is not tried again, since the next look follows. */
  async look(queue: Queue, subject: string): Promise<void> {
    await this.required().send(queue, { subject }, { retryLimit: 0 });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.boss?.stop({ graceful: true, timeout: 5_000 });
  }

  private required(): PgBoss {
    if (!this.boss) throw new Error('jobs are not prepared');
    return this.boss;
  }
}
