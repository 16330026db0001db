import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { Failure } from '#bootstrap/failure.mjs';
import { PORT_NAMES, type PortName } from './names.js';

/** TCP ports on 127.0.0.1. */
export type Ports = Readonly<Record<PortName, number>>;

/** What `npm run up` uses unless told otherwise. */
export const DEFAULT_PORTS: Ports = {
  orchestrator: 7400,
  'signer-a': 7401,
  'signer-b': 7402,
  'signer-c': 7403,
  'signer-d': 7404,
  'signer-a-door': 7411,
  'signer-b-door': 7412,
  'signer-c-door': 7413,
  'signer-d-door': 7414,
  postgres: 7405,
  bitcoind: 7406,
  anvil: 7407,
};

/** Below the range from which Linux takes the ports of outgoing connections, so that nobody gets one by chance. */
const FREE_PORT_RANGE = { from: 20_000, to: 32_000 };

/** @returns the environment variable that sets a part's port */
export function portVariable(part: PortName): string {
  return `BULKHEAD_PORT_${part.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * @param text as typed by a person
 * @param origin what it was typed as, for the message
 * @returns a port number
 * @throws Failure when it is none
 */
export function parsePort(text: string, origin: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (port >= 1 && port <= 65_535) return port;
  throw new Failure(`${origin} is "${text}", which is not a port.`, 'Give a whole number from 1 to 65535.');
}

/**
 * Chooses the ports of a stack: a command-line option wins over the environment, that over `fallback`.
 * @param options ports by part name as typed (`--port-<part>`)
 * @throws Failure for a malformed port or one given to two parts
 */
export function choosePorts(
  fallback: Ports,
  env: Readonly<Record<string, string | undefined>>,
  options: Partial<Record<PortName, string>> = {},
): Ports {
  const ports = { ...fallback };
  for (const part of PORT_NAMES) {
    const option = options[part];
    const variable = env[portVariable(part)];
    if (option !== undefined) ports[part] = parsePort(option, `--port-${part}`);
    else if (variable !== undefined && variable !== '') ports[part] = parsePort(variable, portVariable(part));
  }
  const owners = new Map<number, PortName>();
  for (const part of PORT_NAMES) {
    const other = owners.get(ports[part]);
    if (other) throw new Failure(`Port ${ports[part]} is given to both ${other} and ${part}.`, howToChange(part));
    owners.set(ports[part], part);
  }
  return ports;
}

/** @returns ports that are free now, one for each part, all different */
export async function freePorts(): Promise<Ports> {
  const taken = new Set<number>();
  const ports: Partial<Record<PortName, number>> = {};
  for (const part of PORT_NAMES) {
    const port = await freePort(taken);
    taken.add(port);
    ports[part] = port;
  }
  return ports as Ports;
}

/** @returns a port that is free now and not in `besides` */
export async function freePort(besides: ReadonlySet<number> = new Set()): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(FREE_PORT_RANGE.from, FREE_PORT_RANGE.to);
    if (!besides.has(port) && (await isFree(port))) return port;
  }
  throw new Failure(`No free port was found from ${FREE_PORT_RANGE.from} to ${FREE_PORT_RANGE.to}.`);
}

/** @returns whether a server could listen on the port of 127.0.0.1 now */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** @throws Failure that names the port, who holds it as far as that can be known, and how to choose another */
export async function requireFree(part: PortName, port: number): Promise<void> {
  if (await isFree(port)) return;
  const holder = await holderOf(port);
  throw new Failure(
    `Port ${port}, wanted for ${part}, is taken${holder ? ` by ${holder}` : ''}.`,
    `End that program, or choose another port: ${howToChange(part)}`,
  );
}

function howToChange(part: PortName): string {
  return `npm run up -- --port-${part} <port>   (or set ${portVariable(part)})`;
}

/** Asks `ss` (iproute2), which shows the processes of this user, or of all when we are root. */
async function holderOf(port: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ss', ['-Hltnp', `sport = :${port}`]);
    const [, name, pid] = /users:\(\("([^"]*)",pid=(\d+)/.exec(stdout) ?? [];
    return name && pid ? `${name} (process ${pid})` : undefined;
  } catch {
    return undefined;
  }
}
