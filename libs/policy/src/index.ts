/** May these bytes be signed? Pure decisions over the charter, used by the orchestrator and by each signer alike. */
export * from './decide-gas.js';
export * from './decide-transfer.js';
export { listedTokens, spendFacts } from './spend-facts.js';
