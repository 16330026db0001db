import { Worker } from 'node:worker_threads';

export interface SignThreadOrder {
  readonly library: string;
  readonly slot: Uint8Array;
  readonly mechanism: number;
}

export interface SignJob {
  readonly id: number;
  /** Handle of the private key: good in every session of this process. */
  readonly key: Uint8Array;
  readonly digest: Uint8Array;
}

export type SignAnswer =
  { readonly id: number; readonly signature: Uint8Array } | { readonly id: number; readonly error: string };

/** A thread keeps nothing; without a bound its garbage grows into what room the machine has. */
const THREAD_MEMORY = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

interface Thread {
  readonly worker: Worker;
  readonly underWay: Map<number, { resolve: (signature: Uint8Array) => void; reject: (error: Error) => void }>;
  readonly promises: Set<Promise<unknown>>;
}

/** The threads that sign at the same time; each job goes to the one that has the least to do. */
export class SignThreads {
  private readonly threads: readonly Thread[];
  private nextId = 0;

  constructor(count: number, order: SignThreadOrder, onFailure: (error: Error) => void) {
    this.threads = Array.from({ length: count }, () => startThread(order, onFailure));
  }

  /** The signature as the module gave it. Rejects with the PKCS#11 error. */
  sign(key: Uint8Array, digest: Uint8Array): Promise<Uint8Array> {
    const thread = this.threads.reduce((least, one) => (one.underWay.size < least.underWay.size ? one : least));
    const job: SignJob = { id: this.nextId++, key, digest };
    const signature = new Promise<Uint8Array>((resolve, reject) => {
      thread.underWay.set(job.id, { resolve, reject });
    });
    thread.promises.add(signature);
    thread.worker.postMessage(job);
    return signature.finally(() => thread.promises.delete(signature));
  }

  /** Once what is under way was answered. */
  async close(): Promise<void> {
    await Promise.allSettled(this.threads.flatMap(({ promises }) => [...promises]));
    await Promise.all(this.threads.map(({ worker }) => worker.terminate()));
  }
}

function startThread(order: SignThreadOrder, onFailure: (error: Error) => void): Thread {
  const worker = new Worker(new URL('sign-thread.js', import.meta.url), {
    workerData: order,
    resourceLimits: THREAD_MEMORY,
  });
  const thread: Thread = { worker, underWay: new Map(), promises: new Set() };
  worker.on('error', onFailure);
  worker.on('message', (answer: SignAnswer) => {
    const waiting = thread.underWay.get(answer.id);
    thread.underWay.delete(answer.id);
    if ('signature' in answer) waiting?.resolve(answer.signature);
    else waiting?.reject(new Error(answer.error));
  });
  return thread;
}
