import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '#bootstrap/failure.mjs';
import { findBitcoind } from '#bootstrap/bitcoind.mjs';
import { BitcoinRpc } from './bitcoin-rpc.js';
import { Faucet } from './faucet.js';
import { writeFileAtomically } from './files.js';
import { ProcessPart, type Part, type PartSurroundings } from './process-part.js';

const RPC_USER = 'bulkhead';

/** A real Bitcoin node on a regtest chain of its own. */
export interface Bitcoind {
  readonly part: Part;
  readonly url: string;
  /** 0600 file `user:password`; it stays the same over restarts. */
  readonly credentialsFile: string;
  readonly rpc: BitcoinRpc;
  /** The outside world: miner, and payer of deposits. */
  readonly faucet: Faucet;
}

/** Starts bitcoind in regtest; at the first start its faucet gets coins that can be spent. Idempotent. */
export async function startBitcoind(port: number, around: PartSurroundings): Promise<Bitcoind> {
  const { layout } = around;
  const binary = findBitcoind();
  if (!binary) throw new Failure('No bitcoind is found.', 'npm run up fetches one; or set BITCOIND.');
  const url = `http://127.0.0.1:${port}`;
  const rpc = new BitcoinRpc({ url, credentialsFile: layout.bitcoinCredentials });
  const faucet = new Faucet(rpc);
  const part = new ProcessPart(
    {
      name: 'bitcoind',
      port,
      command: binary,
      args: [`-datadir=${layout.bitcoind}`],
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 30_000,
      readyTimeoutMs: 60_000,
      prepare: () => {
        configure(port, around);
      },
      isReady: async () => {
        await rpc.call('getblockchaininfo');
        await faucet.open();
        return true;
      },
    },
    around,
  );
  await part.start();
  try {
    await faucet.fill();
  } catch (error) {
    await part.stop();
    throw error;
  }
  return { part, url, credentialsFile: layout.bitcoinCredentials, rpc, faucet };
}

/** Writes bitcoin.conf, 0600. The RPC password stands in it as a salted hash only, and in no process's arguments. */
function configure(port: number, { layout }: PartSurroundings): void {
  mkdirSync(layout.bitcoind, { recursive: true, mode: 0o700 });
  const settings = [
    'regtest=1',
    'server=1',
    'txindex=1',
    'listen=0',
    'dnsseed=0',
    'fallbackfee=0.0001',
    'maxtipage=3153600000', // a chain that was left alone for a year is not behind: nobody else extends it
    'rejectparasites=0', // Bitcoin Knots relays no lock time of 21, which the faucet's wallet sets now and then; Core ignores it
    '[regtest]',
    `rpcauth=${rpcAuth(layout.bitcoinCredentials)}`,
    `rpcport=${port}`,
    'rpcbind=127.0.0.1',
    'rpcallowip=127.0.0.1',
    '',
  ];
  writeFileAtomically(join(layout.bitcoind, 'bitcoin.conf'), settings.join('\n'), 0o600);
}

/** @returns the value of -rpcauth, as share/rpcauth/rpcauth.py of Bitcoin Core makes it: user:salt$HMAC-SHA256(salt, password) */
function rpcAuth(credentialsFile: string): string {
  if (!existsSync(credentialsFile)) {
    writeFileAtomically(credentialsFile, `${RPC_USER}:${randomBytes(32).toString('base64url')}\n`, 0o600);
  }
  const [user = '', password = ''] = readFileSync(credentialsFile, 'utf8').trim().split(':');
  const salt = randomBytes(16).toString('hex');
  return `${user}:${salt}$${createHmac('sha256', salt).update(password).digest('hex')}`;
}
