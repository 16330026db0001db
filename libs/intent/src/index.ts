/** What is asked for, in one canonical form, and the one catalogue of refusals. */
export * from './amounts.js';
export * from './canonical.js';
export * from './chains.js';
export { checkLife, INTENT_LIFE_SECONDS } from './life.js';
export * from './refusals.js';
export * from './schemas.js';
