import type { EntityManager } from 'typeorm';

/** Nest injection token of {@link IncidentOpener}. */
export const INCIDENT_OPENER = Symbol('INCIDENT_OPENER');

/** What reconciliation needs of incidents: `IncidentsService` implements it. */
export interface IncidentOpener {
  /**
   * Opens an incident in the caller's transaction and gives its id. While one is open of this kind for this wallet and
   * `detail.asset`, that one stands for it.
   */
  open(
    manager: EntityManager,
    incident: {
      readonly kind: 'reconciliation.difference';
      readonly owner: string;
      readonly wallet: string;
      readonly detail: Readonly<Record<string, string>>;
    },
  ): Promise<string>;
}
