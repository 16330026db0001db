/** How Ethereum bytes are built and decoded: Safe 1.4.1 accounts, their transactions, the gas payer's, their events. */
export * from './addresses.js';
export * from './contracts.js';
export * from './deployment.js';
export * from './gas-call.js';
export * from './gas-transaction.js';
export * from './logs.js';
export * from './owner-swap.js';
export { verifyPersonalMessage } from './ownership.js';
export * from './safe-facts.js';
export * from './safe-transaction.js';
export * from './signatures.js';
