import type { Context, Entities, EntityUid } from '@cedar-policy/cedar-wasm/nodejs';

/** A question in Cedar's terms: who wants to do what with what, and every fact that a policy may ask for. */
export interface PolicyRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Context;
  readonly entities: Entities;
}

export type EntityType =
  | 'Action'
  | 'Category'
  | 'DestinationClass'
  | 'Estate'
  | 'Group'
  | 'Member'
  | 'Owner'
  | 'Ownership'
  | 'Purpose'
  | 'Role'
  | 'TravelRule'
  | 'Wallet'
  | 'Weekday';

export const uid = (type: EntityType, id: string): { type: string; id: string } => ({ type, id });
/** An entity as the value of a fact. */
export const entity = (type: EntityType, id: string): { __entity: { type: string; id: string } } => ({
  __entity: { type, id },
});
