/** Who has said yes to which exact bytes, and whether that is enough. */
export * from './quorum.js';
export * from './statement.js';
