import { request } from 'node:http';
import { Failure } from '#bootstrap/failure.mjs';
import { readTextFile } from './input-file.js';

const DEFAULT_TIMEOUT_MS = 30_000;

/** An error that bitcoind answered with, by its code (src/rpc/protocol.h of Bitcoin Core). */
export class BitcoinRpcError extends Failure {
  constructor(
    readonly method: string,
    readonly code: number,
    message: string,
  ) {
    super(`${method}: ${message} (${code})`);
    this.name = 'BitcoinRpcError';
  }
}

export interface BitcoinRpcOptions {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** A file `user:password`, such as Bitcoin Core's own cookie; read at each call, since a cookie changes at restarts. */
  readonly credentialsFile: string;
  /** The wallet that wallet methods speak of. */
  readonly wallet?: string;
  readonly timeoutMs?: number;
}

/** JSON-RPC client of bitcoind for the launcher and the story. Amounts in answers are BTC as JSON numbers: see satoshi(). */
export class BitcoinRpc {
  constructor(private readonly options: BitcoinRpcOptions) {}

  /** @returns a client for the same node whose wallet methods speak of `wallet` */
  withWallet(wallet: string): BitcoinRpc {
    return new BitcoinRpc({ ...this.options, wallet });
  }

  /**
   * Calls a method with positional parameters.
   * @returns its result, as the caller says it is shaped
   * @throws BitcoinRpcError when the node refuses, Failure when it cannot be reached or is silent for too long
   */
  async call<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '1.0', id: 'bulkhead', method, params });
    const { status, text } = await this.#post(body, method);
    if (status === 401)
      throw new Failure(`${method}: bitcoind refuses the credentials in ${this.options.credentialsFile}`);
    const answer = parseAnswer(text, method, status);
    if (answer.error) throw new BitcoinRpcError(method, answer.error.code, answer.error.message);
    return answer.result as T;
  }

  #post(body: string, method: string): Promise<{ status: number; text: string }> {
    const { url, credentialsFile, wallet, timeoutMs = DEFAULT_TIMEOUT_MS } = this.options;
    const target = new URL(wallet === undefined ? '/' : `/wallet/${encodeURIComponent(wallet)}`, url);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        target,
        {
          method: 'POST',
          agent: false, // no kept-alive connection outlives a restart of the node
          auth: readTextFile(credentialsFile, 'the node’s `user:password`').trim(),
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
          signal: AbortSignal.timeout(timeoutMs),
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8');
          incoming.on('data', (chunk: string) => (text += chunk));
          incoming.on('end', () => {
            resolve({ status: incoming.statusCode ?? 0, text });
          });
          incoming.on('error', reject);
        },
      );
      outgoing.on('error', (error) => {
        reject(new Failure(`${method}: bitcoind at ${url} cannot be reached: ${error.message}`));
      });
      outgoing.end(body);
    });
  }
}

interface Answer {
  result: unknown;
  error: { code: number; message: string } | null;
}

function parseAnswer(text: string, method: string, status: number): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new Failure(`${method}: bitcoind answered with status ${status} and no JSON: ${text.slice(0, 200)}`);
  }
}

/**
 * Bitcoin Core prints amounts as JSON numbers with up to eight decimals. All of them are below 2^53 satoshi, so the
 * shortest decimal form that JavaScript gives back is the one that was printed; the text is converted, never the number.
 * @returns the amount in satoshi
 */
export function satoshi(amountBtc: number): bigint {
  const [whole = '0', decimals = ''] = amountBtc.toFixed(8).split('.');
  const magnitude = BigInt(whole.replace('-', '')) * 100_000_000n + BigInt(decimals);
  return whole.startsWith('-') ? -magnitude : magnitude;
}

/** @returns the amount as the decimal text in BTC that RPC parameters take */
export function bitcoinAmount(amountSatoshi: bigint): string {
  const digits = amountSatoshi.toString().padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`;
}
