/** Double entry: what is owned, per owner, wallet and asset. */
export * from './entry.js';
export * from './deposits.js';
export * from './gas.js';
export * from './position.js';
export * from './transfers.js';
