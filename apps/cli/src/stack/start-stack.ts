import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { takeLock } from '#bootstrap/lock.mjs';
import { startAnvil } from './anvil.js';
import { startBitcoind } from './bitcoind.js';
import { deployEthereumContracts } from './ethereum-contracts.js';
import { layoutOf, type Layout } from './layout.js';
import { EVERY_PART, SIGNER_NAMES, SPARE_SIGNER, type SignerName } from './names.js';
import { freePorts, type Ports } from './ports.js';
import { startPostgres } from './postgres.js';
import { endLeftover, type Part, type PartSurroundings } from './process-part.js';
import { Stack, type StackContents } from './stack.js';
import { makeTlsIdentities } from './tls.js';
import { initToken, type Token } from './token.js';

export type StackPiece = 'postgres' | 'bitcoind' | 'anvil' | 'tokens' | 'tls';
const ALL_PIECES: readonly StackPiece[] = ['postgres', 'bitcoind', 'anvil', 'tokens', 'tls'];

export interface StackOptions {
  /** State folder; made if absent. One launcher at a time. */
  readonly root: string;
  /** Ports of parts; those left out get free ones. */
  readonly ports?: Partial<Ports>;
  /** A PostgreSQL server to use instead of one of our own (DATABASE_URL). */
  readonly databaseUrl?: string | undefined;
  /** What to start; everything by default. Ethereum contracts come with anvil. */
  readonly only?: readonly StackPiece[];
  readonly log?: (line: string) => void;
  /** Told when a part ends that nobody asked to end, with the end of its log. Logged by default. */
  readonly onPartDied?: (report: string) => void;
}

/**
 * Starts the real parts of a local stack, side by side, on the state in `root`, and waits until they serve. What a
 * killed earlier run left behind is ended first. If one part fails, the others are stopped again.
 * @throws Failure that says what to do
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const layout = layoutOf(resolve(options.root));
  // passable, not listable: the database server may run as another user
  mkdirSync(layout.root, { recursive: true, mode: 0o711 });
  const release = claimRoot(layout);
  const log = options.log ?? (() => undefined);
  const around: PartSurroundings = {
    layout,
    log,
    onUnexpectedExit: (_part, report) => {
      (options.onPartDied ?? log)(report);
    },
  };
  const contents: StackContents = {};
  try {
    await Promise.all(EVERY_PART.map((name) => endLeftover(name, around)));
    const ports = { ...(await freePorts()), ...options.ports };
    await startPieces(contents, new Set(options.only ?? ALL_PIECES), ports, options.databaseUrl, around);
    return new Stack(ports, contents, around, release);
  } catch (error) {
    const started: (Part | undefined)[] = [contents.postgres?.part, contents.bitcoind?.part, contents.anvil?.part];
    await Promise.all(started.map(async (part) => part?.stop()));
    release();
    throw explained(error);
  }
}

async function startPieces(
  contents: StackContents,
  wanted: ReadonlySet<StackPiece>,
  ports: Ports,
  databaseUrl: string | undefined,
  around: PartSurroundings,
): Promise<void> {
  const work: Record<StackPiece, () => Promise<void>> = {
    postgres: async () => {
      contents.postgres = await startPostgres({ port: ports.postgres, databaseUrl }, around);
    },
    bitcoind: async () => {
      contents.bitcoind = await startBitcoind(ports.bitcoind, around);
    },
    anvil: async () => {
      contents.anvil = await startAnvil(ports.anvil, around);
      contents.contracts = await deployEthereumContracts(contents.anvil.url);
    },
    tokens: async () => {
      contents.tokens = await initTokens(around.layout);
    },
    tls: async () => {
      contents.tls = await makeTlsIdentities(around.layout);
    },
  };
  // all are waited for, the failed start of one included, so that none is left starting behind our back
  const results = await Promise.allSettled(
    ALL_PIECES.filter((piece) => wanted.has(piece)).map((piece) => work[piece]()),
  );
  const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new Failure(failures.map((failure) => messageOf(failure)).join('\n'));
}

/** Each takes a process of its own: the spare one, which nobody waits for, after the others. */
async function initTokens(layout: Layout): Promise<Record<SignerName, Token>> {
  const tokens = await Promise.all(
    SIGNER_NAMES.map(async (signer) => [signer, await initToken(signer, layout)] as const),
  );
  const spare = [SPARE_SIGNER, await initToken(SPARE_SIGNER, layout)] as const;
  return Object.fromEntries([...tokens, spare]) as Record<SignerName, Token>;
}

/** @returns the function that gives the root free again */
function claimRoot(layout: Layout): () => void {
  const lock = takeLock(layout.launcherLock);
  if (lock.taken) return lock.release;
  throw new Failure(
    `A stack is running on ${layout.root} already (process ${lock.holder.pid}).`,
    'Use it, or stop it first: npm run down',
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A full disk shows up in many guises; say what to do about it. */
function explained(error: unknown): unknown {
  return /ENOSPC|No space left on device|Disk space is too low/.test(messageOf(error))
    ? new Failure(
        `The disk is full: ${messageOf(error)}`,
        'Free some space, then run the same command again: nothing was lost.',
      )
    : error;
}
