/** The walls between owners: pure functions over decoded facts. */
export * from './check-deposit.js';
export * from './check-spend.js';
export * from './spend.js';
