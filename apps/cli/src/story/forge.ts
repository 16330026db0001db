import { createHash, randomUUID } from 'node:crypto';
import { decodeTransaction, deriveAddress, parseBitcoinAddress } from '@bulkhead/bitcoin';
import { bitcoinSpec, type BitcoinWallet } from '@bulkhead/charter';
import { orThrow, REGTEST, type Payload } from '@bulkhead/intent';
import { Psbt, networks } from 'bitcoinjs-lib';
import type { Cast } from './cast.js';

/** A coin of a wallet, with all that a PSBT needs to spend it. */
export interface ForgedInput {
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
  readonly previousTransaction: string;
  readonly witnessScript: string;
}

interface DepositView {
  readonly transaction: string;
  readonly address: string;
}

/** Coins of a wallet as a hostile orchestrator knows them: it can build whatever it likes with them. */
export async function coinsOf(
  cast: Cast,
  wallet: BitcoinWallet,
  status: 'CREDITED' | 'PENDING' | 'QUARANTINED' = 'CREDITED',
): Promise<ForgedInput[]> {
  const path = `/v1/deposits?wallet=${wallet.id}&status=${status}`;
  const deposits = await cast.client.api.get<DepositView[]>(path, cast.olivia.apiToken);
  const spec = bitcoinSpec(wallet);
  return Promise.all(
    deposits.map(async ({ transaction: txid, address }) => {
      const previousTransaction = await cast.stack.bitcoind.rpc.call<string>('getrawtransaction', txid);
      const { outputs } = orThrow(decodeTransaction(previousTransaction, REGTEST));
      const output = outputs.find((candidate) => candidate.address === address);
      if (!output) throw new Error(`${txid} does not pay ${address}`);
      const place = Array.from({ length: wallet.addressWindow }, (_, index) => deriveAddress(spec, 0, index)).find(
        (derived) => derived.address === address,
      );
      if (!place) throw new Error(`${address} is not of ${wallet.id}`);
      return {
        txid,
        vout: output.index,
        amountSat: output.amountSat,
        previousTransaction,
        witnessScript: place.witnessScript,
      };
    }),
  );
}

/** A PSBT without any rule: what the signers must be able to refuse. What outputs leave over is the fee. */
export function forgePsbt(
  inputs: readonly ForgedInput[],
  outputs: readonly { readonly address: string; readonly amountSat: bigint }[],
): Payload {
  const psbt = new Psbt({ network: networks.regtest });
  for (const input of inputs) {
    psbt.addInput({
      hash: input.txid,
      index: input.vout,
      sequence: 0xfffffffd,
      nonWitnessUtxo: Buffer.from(input.previousTransaction, 'hex'),
      witnessScript: Buffer.from(input.witnessScript, 'hex'),
    });
  }
  for (const { address, amountSat } of outputs) {
    psbt.addOutput({ script: orThrow(parseBitcoinAddress(address, REGTEST)).scriptPubKey, value: amountSat });
  }
  return { kind: 'psbt', chain: REGTEST, psbt: psbt.toBase64() };
}

/** An address that looks like anybody's and is nobody's: a hash of chance. */
export const madeUpContract = (): string => `0x${createHash('sha256').update(randomUUID()).digest('hex').slice(0, 40)}`;
