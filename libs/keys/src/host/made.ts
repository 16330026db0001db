import { accepted, type Result } from '@bulkhead/intent';

/** What was asked for, and whether it was made now or was there. Only what is new has to be found again in the token. */
export interface Made<Thing> {
  readonly isNew: boolean;
  readonly thing: Thing;
}

export const newlyMade = <Thing>(made: Result<Thing>): Result<Made<Thing>> => withOrigin(made, true);

export const foundThere = <Thing>(found: Result<Thing>): Result<Made<Thing>> => withOrigin(found, false);

const withOrigin = <Thing>(result: Result<Thing>, isNew: boolean): Result<Made<Thing>> =>
  result.ok ? accepted({ isNew, thing: result.value }) : result;
