/** May these bytes be signed? Pure decisions over the charter, used by the orchestrator and by each signer alike. */
export * from './attestation.js';
export * from './decide-gas.js';
export * from './evidence.js';
export { decideOn, decidePolicies, together, type PolicyVerdict } from './cedar/decide.js';
export { policyRequest, type DestinationClass } from './cedar/facts.js';
export { policiesInForce, sliceOf, type InForce } from './cedar/in-force.js';
export { partiesOf, type Parties } from './cedar/parties.js';
export { swapFacts } from './decide-owner-swap.js';
export * from './decide-transfer.js';
export * from './decision-chain.js';
export * from './decision-record.js';
export * from './seal.js';
export { listedTokens, spendFacts, type PayloadFacts } from './spend-facts.js';
export * from './tools/index.js';
