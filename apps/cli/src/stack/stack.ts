import { rmSync } from 'node:fs';
import { identityOf, type ProcessIdentity } from '#bootstrap/process-identity.mjs';
import type { Anvil } from './anvil.js';
import { appPart, type AppOptions } from './app.js';
import type { Bitcoind } from './bitcoind.js';
import type { EthereumContracts } from './ethereum-contracts.js';
import type { Layout } from './layout.js';
import { EVERY_APP, EVERY_PART, type AppName, type PartName, type SignerName } from './names.js';
import type { Ports } from './ports.js';
import type { Postgres } from './postgres.js';
import type { Part, PartSurroundings } from './process-part.js';
import { writeStackFile } from './stack-file.js';
import type { TlsIdentity } from './tls.js';
import type { Token } from './token.js';

/** What startStack brings up; each is there when it was asked for. */
export interface StackContents {
  postgres?: Postgres;
  bitcoind?: Bitcoind;
  anvil?: Anvil;
  contracts?: EthereumContracts;
  tokens?: Record<SignerName, Token>;
  tls?: Record<AppName, TlsIdentity>;
}

/** A running local stack. The accessors throw when the thing was left out by `only`. */
export class Stack {
  readonly #apps = new Map<AppName, Part>();
  readonly #starting: Promise<void>[] = [];
  readonly #startedAt = new Date().toISOString();
  #stopping: Promise<void> | undefined;

  constructor(
    readonly ports: Ports,
    private readonly contents: StackContents,
    private readonly around: PartSurroundings,
    private readonly onStopped: () => void,
  ) {
    this.writeFile();
  }

  get layout(): Layout {
    return this.around.layout;
  }
  get root(): string {
    return this.around.layout.root;
  }
  get postgres(): Postgres {
    return this.#required('postgres');
  }
  get bitcoind(): Bitcoind {
    return this.#required('bitcoind');
  }
  get anvil(): Anvil {
    return this.#required('anvil');
  }
  get contracts(): EthereumContracts {
    return this.#required('contracts');
  }
  get tokens(): Record<SignerName, Token> {
    return this.#required('tokens');
  }
  get tls(): Record<AppName, TlsIdentity> {
    return this.#required('tls');
  }

  /** Every process of the stack that was started, by name. */
  get parts(): Partial<Record<PartName, Part>> {
    const { postgres, bitcoind, anvil } = this.contents;
    const parts: Partial<Record<PartName, Part>> = Object.fromEntries(this.#apps);
    if (postgres?.part) parts.postgres = postgres.part;
    if (bitcoind) parts.bitcoind = bitcoind.part;
    if (anvil) parts.anvil = anvil.part;
    return parts;
  }

  /** @returns the part, to stop, kill or restart it */
  part(name: PartName): Part {
    const part = this.parts[name];
    if (!part) throw new Error(`the stack has no ${name}`);
    return part;
  }

  /** Starts an app of ours on the stack and waits until it serves; it stops with the stack, apps before what they use. */
  async spawnApp(name: AppName, options: Omit<AppOptions, 'port'>): Promise<Part> {
    if (this.#stopping) throw new Error(`${name} was asked to start while the stack stops`);
    const part = appPart(name, { ...options, port: this.ports[name] }, this.around);
    this.#apps.set(name, part);
    const starting = part.start();
    this.#starting.push(starting);
    await starting;
    this.writeFile();
    return part;
  }

  /** Stops everything, cleanly, in the order that loses nothing. Calling it again waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const { parts } = this;
    await parts.orchestrator?.stop();
    await Promise.all(EVERY_APP.map(async (name) => parts[name]?.stop()));
    await Promise.allSettled(this.#starting); // one that was just about to start: once it has, it is stopped too
    await Promise.all(EVERY_APP.map(async (name) => parts[name]?.stop()));
    await Promise.all(EVERY_PART.map(async (name) => parts[name]?.stop()));
    rmSync(this.layout.stackFile, { force: true });
    this.onStopped();
  }

  /** Tells other programs (`npm run down`, a curious reader) what runs where. */
  writeFile(): void {
    const { ports, parts } = this;
    const pids: Partial<Record<PartName, number>> = {};
    for (const name of EVERY_PART) {
      const pid = parts[name]?.pid;
      if (pid !== undefined) pids[name] = pid;
    }
    const urls: Record<string, string> = {};
    if (parts.bitcoind) urls.bitcoind = this.bitcoind.url;
    if (parts.anvil) urls.anvil = this.anvil.url;
    if (parts.orchestrator) urls.orchestrator = `http://127.0.0.1:${ports.orchestrator}`;
    writeStackFile(this.layout, {
      root: this.root,
      launcher: thisProcess(),
      startedAt: this.#startedAt,
      ports,
      pids,
      urls,
    });
  }

  #required<K extends keyof StackContents>(what: K): NonNullable<StackContents[K]> {
    const found = this.contents[what];
    if (!found) throw new Error(`this stack was started without ${what}`);
    return found;
  }
}

function thisProcess(): ProcessIdentity {
  const identity = identityOf(process.pid);
  if (!identity) throw new Error('/proc does not show this process');
  return identity;
}
