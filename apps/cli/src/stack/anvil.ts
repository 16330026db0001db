import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { projectFolder } from '#bootstrap/project.mjs';
import { EthereumRpc } from './ethereum-rpc.js';
import { ProcessPart, type Part, type PartSurroundings } from './process-part.js';

export const ANVIL_CHAIN_ID = 31_337;
const BINARY = join(projectFolder, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil');
const WRITE_STATE_EVERY_SECONDS = 1;

/** A real EVM node on a chain of its own; it mines each transaction at once. */
export interface Anvil {
  readonly part: Part;
  readonly url: string;
  readonly rpc: EthereumRpc;
  /** Addresses that the node itself signs for: the outside world. The first one deploys the contracts. */
  readonly accounts: readonly string[];
}

/** Starts anvil on the state it left; a SIGKILL costs it a second or so of the chain's end. Idempotent. */
export async function startAnvil(port: number, around: PartSurroundings): Promise<Anvil> {
  if (!existsSync(BINARY))
    throw new Failure(`${BINARY} is missing.`, 'It is an optional package: run npm ci without --omit=optional.');
  const url = `http://127.0.0.1:${port}`;
  const rpc = new EthereumRpc(url);
  const state = new StateFile(around.layout.anvil);
  const part = new ProcessPart(
    {
      name: 'anvil',
      port,
      command: BINARY,
      args: [
        ...['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(ANVIL_CHAIN_ID), '--silent'],
        ...['--state', state.file, '--state-interval', String(WRITE_STATE_EVERY_SECONDS)],
      ],
      env: { HOME: around.layout.anvil },
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 15_000,
      readyTimeoutMs: 30_000,
      prepare: () => {
        state.heal();
      },
      isReady: async () => {
        const chainId = await rpc.call<string>('eth_chainId');
        state.watch();
        return BigInt(chainId) === BigInt(ANVIL_CHAIN_ID);
      },
      beforeStop: () => {
        state.unwatch();
      },
    },
    around,
  );
  await part.start();
  return { part, url, rpc, accounts: await rpc.call<string[]>('eth_accounts') };
}

/** anvil rewrites its state file in place, so a kill can leave half of one: keep the last whole one beside it. */
class StateFile {
  readonly file: string;
  readonly #copy: string;
  #timer: NodeJS.Timeout | undefined;
  #copied: Buffer | undefined;

  constructor(folder: string) {
    this.file = join(folder, 'state.json');
    this.#copy = join(folder, 'state.whole.json');
  }

  /** Before a start: puts the copy in place of a broken file. */
  heal(): void {
    mkdirSync(join(this.file, '..'), { recursive: true, mode: 0o700 });
    if (!existsSync(this.file) || isWholeJson(readFileSync(this.file))) return;
    rmSync(this.file);
    if (existsSync(this.#copy) && isWholeJson(readFileSync(this.#copy))) copyFileSync(this.#copy, this.file);
  }

  watch(): void {
    this.unwatch();
    this.#timer = setInterval(() => {
      this.#copyIfChanged();
    }, WRITE_STATE_EVERY_SECONDS * 2000);
    this.#timer.unref();
  }

  unwatch(): void {
    clearInterval(this.#timer);
  }

  #copyIfChanged(): void {
    const draft = `${this.#copy}.new`;
    try {
      const state = readFileSync(this.file); // anvil writes it anew whether or not it has changed
      if (this.#copied?.equals(state)) return;
      if (!isWholeJson(state)) return; // caught in the middle of a write
      writeFileSync(draft, state);
      renameSync(draft, this.#copy);
      this.#copied = state;
    } catch {
      rmSync(draft, { force: true }); // a full disk, say: the last copy stays, and the next look tries again
    }
  }
}

function isWholeJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
