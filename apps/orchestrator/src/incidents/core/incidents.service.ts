import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { IncidentRow, type IncidentKind, type IncidentStatus } from '../persistence/entities.js';

export interface IncidentReport {
  readonly kind: IncidentKind;
  /** Neither where it is of the whole firm. */
  readonly owner?: string;
  readonly wallet?: string;
  readonly detail: Readonly<Record<string, string>>;
  /** What it is about; without it, this kind of thing in this wallet (and asset, where `detail` names one). */
  readonly key?: string;
}

export interface IncidentFilter {
  readonly owner?: string | undefined;
  readonly wallet?: string | undefined;
  readonly status?: IncidentStatus | undefined;
}

/** Things that a person must look into. They are opened by what is seen and closed by the charter, never by an API call. */
@Injectable()
export class IncidentsService {
  constructor(private readonly database: DataSource) {}

  /**
   * Opens an incident in the caller's transaction. While one with the same key is open, that one stands for it.
   * @returns its id
   */
  async open(manager: EntityManager, report: IncidentReport): Promise<string> {
    const { kind, owner = null, wallet = null, detail } = report;
    const key = report.key ?? [kind, wallet ?? 'firm', ...(detail.asset === undefined ? [] : [detail.asset])].join(':');
    const opened: { id: string }[] = await manager.query(
      `insert into incident (key, kind, owner, wallet, detail) values ($1, $2, $3, $4, $5)
       on conflict (key) where status = 'OPEN' do nothing returning id`,
      [key, kind, owner, wallet, detail],
    );
    const [incident] = opened;
    return incident ? incident.id : (await manager.findOneByOrFail(IncidentRow, { key, status: 'OPEN' })).id;
  }

  /** Newest first, 500 at most. */
  list({ owner, wallet, status }: IncidentFilter): Promise<IncidentRow[]> {
    return this.database.manager.find(IncidentRow, {
      where: {
        ...(owner !== undefined && { owner }),
        ...(wallet !== undefined && { wallet }),
        ...(status !== undefined && { status }),
      },
      order: { at: 'DESC', id: 'ASC' },
      take: 500,
    });
  }

  async find(id: string): Promise<IncidentRow | undefined> {
    return (await this.database.manager.findOneBy(IncidentRow, { id })) ?? undefined;
  }
}
