import { Injectable } from '@nestjs/common';
import type { Act, CharterEntry, CharterState } from '@bulkhead/charter';
import type { EntityManager } from 'typeorm';
import type { CharterProjection } from '../../charter/core/charter.service.js';
import { IncidentClosing } from './incident-closing.js';
import { IncidentsService } from './incidents.service.js';

/** What charter entries mean for incidents: emergencies open some, and the charter closes any. */
@Injectable()
export class IncidentProjection implements CharterProjection {
  constructor(
    private readonly incidents: IncidentsService,
    private readonly closing: IncidentClosing,
  ) {}

  async project(
    manager: EntityManager,
    { intent, enactedAt }: CharterEntry,
    before: CharterState | undefined,
    after: CharterState,
  ): Promise<void> {
    const { act, id } = intent;
    const waiting = after.pending.get(id);
    if (waiting?.act.kind === 'break-glass') {
      await this.logEmergency(manager, waiting.act, id, { phase: 'ENACTED', notBefore: waiting.notBefore });
    }
    if (waiting) return;
    const begun = act.kind === 'pending.enact' ? before?.pending.get(act.intent)?.act : act;
    if (begun?.kind === 'break-glass' && act.kind === 'pending.enact') {
      await this.logEmergency(manager, begun, act.intent, { phase: 'IN_FORCE', enactedBy: id, enactedAt });
    }
    if (begun?.kind === 'incident.close') await this.closing.close(manager, begun, id);
  }

  private async logEmergency(
    manager: EntityManager,
    { act, reason }: Extract<Act, { kind: 'break-glass' }>,
    intent: string,
    detail: Readonly<Record<string, string>> & { readonly phase: 'ENACTED' | 'IN_FORCE' },
  ): Promise<void> {
    await this.incidents.open(manager, {
      kind: 'charter.break-glass',
      key: `charter.break-glass:${intent}:${detail.phase}`,
      detail: { ...detail, intent, act: act.kind, reason },
    });
  }
}
