import { Failure } from '#bootstrap/failure.mjs';

const DEFAULT_TIMEOUT_MS = 30_000;

/** An error that the Ethereum node answered with. */
export class EthereumRpcError extends Failure {
  constructor(
    readonly method: string,
    readonly code: number,
    message: string,
  ) {
    super(`${method}: ${message} (${code})`);
    this.name = 'EthereumRpcError';
  }
}

export interface Receipt {
  readonly status: string;
  readonly contractAddress: string | null;
  readonly blockNumber: string;
  readonly gasUsed: string;
}

/** JSON-RPC client of an Ethereum node for the launcher and the story. Quantities are 0x-hex strings, as on the wire. */
export class EthereumRpc {
  constructor(
    readonly url: string,
    private readonly timeoutMs = DEFAULT_TIMEOUT_MS,
  ) {}

  /**
   * @returns the method's result, as the caller says it is shaped
   * @throws EthereumRpcError when the node refuses, Failure when it cannot be reached or is silent for too long
   */
  async call<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    const answered = fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(this.timeoutMs),
    }).then((response) => response.json());
    const answer = (await answered.catch((error: unknown) => {
      const why = error instanceof Error ? `: ${error.message}` : '';
      throw new Failure(`${method}: there is no Ethereum node at ${this.url} that answers${why}`);
    })) as { result?: T; error?: { code: number; message: string } };
    if (answer.error) throw new EthereumRpcError(method, answer.error.code, answer.error.message);
    return answer.result as T;
  }

  /**
   * Sends from an account that the node itself holds (anvil's development accounts).
   * @param valueWei defaults to nothing
   * @returns the receipt; with automine the transaction is in a block at once
   * @throws Error when it was mined but failed
   */
  async send(transaction: { from: string; to?: string; data?: string; valueWei?: bigint }): Promise<Receipt> {
    const { from, to, data, valueWei } = transaction;
    const value = valueWei === undefined ? {} : { value: `0x${valueWei.toString(16)}` };
    const hash = await this.call<string>('eth_sendTransaction', {
      from,
      ...(to ? { to } : {}),
      ...(data ? { data } : {}),
      ...value,
    });
    return this.receipt(hash);
  }

  /** Waits for a transaction's receipt. */
  async receipt(hash: string): Promise<Receipt> {
    for (const endMs = Date.now() + this.timeoutMs; Date.now() < endMs;) {
      const receipt = await this.call<Receipt | null>('eth_getTransactionReceipt', hash);
      if (receipt?.status === '0x1') return receipt;
      if (receipt) throw new Failure(`transaction ${hash} failed`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Failure(`transaction ${hash} was not mined within ${this.timeoutMs / 1000} s`);
  }
}
