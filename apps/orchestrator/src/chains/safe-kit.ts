import SafeNamespace from '@safe-global/protocol-kit';

/**
 * Safe's own kit. Its one .d.ts is written for CommonJS, so that under nodenext the default import is typed as the
 * namespace, while at run time it is the class.
 */
export const SafeKit = SafeNamespace as unknown as typeof SafeNamespace.default;
export type SafeKit = InstanceType<typeof SafeKit>;
