import { readFileSync, statSync } from 'node:fs';
import { tokenLabelSchema } from '@bulkhead/keys';
import { assetIdSchema, digestSchema, slugSchema, textSchema } from '@bulkhead/intent';
import { z } from 'zod';

const limitSchema = z.string().regex(/^(0|[1-9]\d{0,77})$/, 'a decimal string of the smallest unit');

const listenerSchema = z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) });

/** One file, strict: a field that is not known here stops the start. Secrets are named by file, never held. */
export const configSchema = z.strictObject({
  id: slugSchema,
  /** For the orchestrator alone: nothing else can ask for a signature. */
  listen: listenerSchema,
  /** For everybody: charter entries, objections, signed heads, and the questions of the other signers. */
  door: listenerSchema,
  /** The doors of the firm's other signers, `https://host:port`; their certificates are those that the charter names. */
  peers: z.array(z.strictObject({ id: slugSchema, url: z.url({ protocol: /^https$/ }) })).max(20),
  /** File with the PostgreSQL URL of this signer's own database and plain role; readable by its owner only. */
  database: z.strictObject({ urlFile: z.string(), poolSize: z.int().min(2).max(50).default(10) }),
  /** Hash of the firm's genesis entry, from the key ceremony: no other charter is ever taken. */
  firm: digestSchema,
  /**
   * Hashes of charter entries that are taken without the proof of their policies: those that this version refuses and an
   * earlier one took. Everything else of them is checked.
   */
  entriesWithoutProof: z.array(digestSchema).max(100).default([]),
  tls: z.strictObject({
    keyFile: z.string(),
    certFile: z.string(),
    /** The only clients that are let in, each by its own certificate. */
    peers: z.array(z.strictObject({ name: slugSchema, certFile: z.string() })).min(1),
  }),
  token: z.strictObject({
    /** A PKCS#11 profile of hsm-config/. */
    profileFile: z.string(),
    label: tokenLabelSchema,
    pinFile: z.string(),
    /** What the profile's module reads from its environment. */
    env: z.record(z.string(), z.string()).default({}),
    /** Threads that sign at the same time. */
    workers: z.int().min(1).max(16).default(1),
    /** For an HSM that takes its time; the key store's own where they are left out. */
    requestTimeoutMs: z.int().min(100).max(120_000).optional(),
    startTimeoutMs: z.int().min(1_000).max(600_000).optional(),
    maxQueue: z.int().min(1).max(10_000).optional(),
  }),
  /** Who answers for this token and where it is, as the key inventory shows it. */
  holder: textSchema.min(1).max(100).optional(),
  place: textSchema.min(1).max(200).optional(),
  /**
   * What this signer signs at most, whatever the charter says; an asset that is left out is then not signed at all. None
   * when empty. Counted over 24 hours, by what this signer has agreed to sign; network fees are not counted.
   */
  hardLimits: z
    .array(z.strictObject({ asset: assetIdSchema, maxAmountPerTransfer: limitSchema, maxAmountPerDay: limitSchema }))
    .default([]),
  /**
   * How long a share is offered to a new MPC wallet; after twice that it is destroyed, if no entry has opened one. A week, as
   * long as an intent lives: what is proposed with the share is in force or has lapsed by then.
   */
  unopenedShareSeconds: z.int().min(1).max(31_536_000).default(604_800),
  /** Keys that this signer has made for wallets that no entry has opened, at most: they stay in the token for good. */
  maxUnopenedKeys: z.int().min(1).max(100_000).default(100),
  /** While a file of this name exists, this signer signs nothing. */
  freezeFile: z.string().optional(),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
export type SignerConfig = z.infer<typeof configSchema>;

/** Reads and checks a configuration file; throws with one line per problem. */
export function readConfig(file: string): SignerConfig {
  const parsed = configSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is not a valid configuration:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** The text of a file that holds a secret. Throws when others than its owner may read it. */
export function readPrivateFile(file: string): string {
  if ((statSync(file).mode & 0o077) !== 0) throw new Error(`${file} can be read by others: chmod 600 it`);
  return readFileSync(file, 'utf8').trim();
}
