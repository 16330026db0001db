import { rmSync } from 'node:fs';
import type { BitcoinRpc } from '../../apps/cli/src/stack/bitcoin-rpc.js';
import { startBitcoind } from '../../apps/cli/src/stack/bitcoind.js';
import type { Faucet } from '../../apps/cli/src/stack/faucet.js';
import { layoutOf } from '../../apps/cli/src/stack/layout.js';
import { freePort } from '../../apps/cli/src/stack/ports.js';
import { preparedParts } from './prepared-state.js';

export interface TestBitcoinNode {
  readonly rpc: BitcoinRpc;
  readonly faucet: Faucet;
  readonly url: string;
  /** 0600 file `user:password`. */
  readonly credentialsFile: string;
  /** Ends the node and removes its chain. */
  remove(): Promise<void>;
}

/** A bitcoind of its own in a temporary folder, on a regtest chain with coins to spend. */
export async function bitcoinNode(name: string): Promise<TestBitcoinNode> {
  const root = await preparedParts(name);
  const { part, rpc, faucet, url, credentialsFile } = await startBitcoind(await freePort(), {
    layout: layoutOf(root),
    log: () => undefined,
    onUnexpectedExit: (_part, report) => {
      console.error(report);
    },
  });
  const remove = async (): Promise<void> => {
    await part.stop();
    rmSync(root, { recursive: true, force: true });
  };
  return { rpc, faucet, url, credentialsFile, remove };
}
