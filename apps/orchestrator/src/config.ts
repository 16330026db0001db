import { readFileSync } from 'node:fs';
import { slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { chainsConfigSchema } from './chains/config.js';
import { passkeysConfigSchema } from './passkeys/config.js';

/** One file, strict: a field that is not known here stops the start. Secrets are named by file, never held. */
export const configSchema = z.strictObject({
  listen: z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) }),
  /** File with the PostgreSQL URL of this application's own plain role; readable by its owner only. */
  database: z.strictObject({ urlFile: z.string(), poolSize: z.int().min(2).max(100).default(20) }),
  /** The signed genesis entry of the firm's charter. */
  genesisFile: z.string(),
  /** The transcript of the genesis ceremony, from which recovery kits have where the tokens are. */
  transcriptFile: z.string().optional(),
  /** Bearer tokens of the API: `[{member, tokenSha256}]`. The tokens themselves are with the members. */
  apiTokensFile: z.string(),
  tls: z.strictObject({ keyFile: z.string(), certFile: z.string() }),
  signers: z.array(z.strictObject({ id: slugSchema, url: z.url(), certFile: z.string() })).min(2),
  signerTimeoutMs: z.int().min(100).max(120_000).default(10_000),
  chains: chainsConfigSchema,
  passkeys: passkeysConfigSchema,
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});
export type Config = z.infer<typeof configSchema>;

/** Reads and checks a configuration file; throws with one line per problem. */
export function readConfig(file: string): Config {
  const parsed = configSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is not a valid configuration:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export const CONFIG = Symbol('CONFIG');
