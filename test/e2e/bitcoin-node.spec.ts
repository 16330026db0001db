import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import {
  branchDescriptor,
  buildPsbt,
  decodeTransaction,
  deriveAddress,
  deriveAddresses,
  finalisePsbt,
  signingDigests,
  walletDescriptor,
  type AddressPath,
  type Branch,
  type BuiltPsbt,
  type WalletCoin,
} from '@bulkhead/bitcoin';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { BIP32Factory } from 'bip32';
import { networks, script, Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { satoshi, type BitcoinRpc } from '../../apps/cli/src/stack/bitcoin-rpc.js';
import { lookupOf, signAll, softwareQuorum, type SoftwareQuorum } from '../../libs/bitcoin/test/software-quorum.js';
import { bitcoinNode, type TestBitcoinNode } from '../support/bitcoin-node.js';

jest.setTimeout(120_000);

const DELAY_BLOCKS = 10;
const cold = BIP32Factory(ecc).fromSeed(randomBytes(32), networks.regtest);
const coldAccount = cold.derivePath("m/48'/1'/0'/2'");
const origin = { fingerprint: Buffer.from(cold.fingerprint).toString('hex'), path: '48h/1h/0h/2h' };
const recoverable = softwareQuorum({
  recovery: { kind: 'xpub', xpub: coldAccount.neutered().toBase58(), origin },
  recoveryDelayBlocks: DELAY_BLOCKS,
});
const unrecoverable = softwareQuorum();
const KINDS: readonly (readonly [string, SoftwareQuorum])[] = [
  ['with a cold recovery key', recoverable],
  ['that nobody can recover', unrecoverable],
];

interface MempoolVerdict {
  readonly allowed: boolean;
  readonly vsize?: number;
  readonly 'reject-reason'?: string;
}

describe('a quorum wallet on a real Bitcoin node', () => {
  let node: TestBitcoinNode;
  beforeAll(async () => {
    node = await bitcoinNode('bitcoin-lib');
  });
  afterAll(() => node.remove());

  const verdict = async (rawTransaction: string): Promise<MempoolVerdict> => {
    const [first] = await node.rpc.call<MempoolVerdict[]>('testmempoolaccept', [rawTransaction]);
    return first!;
  };

  async function watchOnly(quorum: SoftwareQuorum): Promise<BitcoinRpc> {
    const name = `watch-${randomBytes(4).toString('hex')}`;
    await node.rpc.call('createwallet', name, true, true, '', false, true);
    const wallet = node.rpc.withWallet(name);
    const request = { desc: walletDescriptor(quorum.spec), active: true, range: [0, 20], timestamp: 'now' };
    const answer = await wallet.call<{ success: boolean }[]>('importdescriptors', [request]);
    expect(answer).toMatchObject([{ success: true }]);
    return wallet;
  }

  async function fund({ spec }: SoftwareQuorum, path: AddressPath, amountSat: bigint): Promise<WalletCoin> {
    const { address } = deriveAddress(spec, path.branch, path.index);
    const txid = await node.faucet.pay(address, amountSat);
    const previousTransaction = await node.rpc.call<string>('getrawtransaction', txid);
    const { outputs } = orThrow(decodeTransaction(previousTransaction, REGTEST));
    const output = outputs.find((each) => each.address === address)!;
    expect(output.amountSat).toBe(amountSat);
    return { txid, vout: output.index, amountSat, ...path, previousTransaction };
  }

  const pay = async ({ spec }: SoftwareQuorum, coins: readonly WalletCoin[], amountSat: bigint): Promise<BuiltPsbt> =>
    orThrow(
      buildPsbt({
        spec,
        coins,
        payments: [{ address: await node.faucet.address(), amountSat }],
        change: { branch: 1, index: 7 },
        feeRateSatVb: 2n,
        maxFeeSat: 20_000n,
      }),
    );

  const finish = (quorum: SoftwareQuorum, psbt: string, members: readonly number[]) => {
    const digests = orThrow(signingDigests(psbt, quorum.spec, lookupOf(quorum.spec, 10)));
    return orThrow(finalisePsbt(psbt, quorum.spec, signAll(quorum, digests, members)));
  };

  describe.each(KINDS)('%s', (_, quorum) => {
    const { spec } = quorum;
    const ours = (branch: Branch, count: number) => deriveAddresses(spec, branch, 0, count).map((each) => each.address);

    it('has the descriptors and checksums that the node works out', async () => {
      const descriptor = walletDescriptor(spec);
      const [body, checksum] = descriptor.split('#');
      const info = await node.rpc.call<{ checksum: string; multipath_expansion: string[] }>('getdescriptorinfo', body);
      expect(info.checksum).toBe(checksum);
      expect(info.multipath_expansion).toEqual([branchDescriptor(spec, 0), branchDescriptor(spec, 1)]);
      for (const branch of [0, 1] as const) {
        const derived = await node.rpc.call<string[]>('deriveaddresses', branchDescriptor(spec, branch), [0, 29]);
        expect(ours(branch, 30)).toEqual(derived);
      }
    });

    it('is watched: the node hands out our receive and change addresses', async () => {
      const wallet = await watchOnly(quorum);
      for (const address of ours(0, 5)) expect(await wallet.call('getnewaddress', '', 'bech32')).toBe(address);
      for (const address of ours(1, 5)) expect(await wallet.call('getrawchangeaddress', 'bech32')).toBe(address);
    });

    it('spends receive and change coins by its quorum, and the change comes back to it', async () => {
      const wallet = await watchOnly(quorum);
      const coins = [
        await fund(quorum, { branch: 0, index: 3 }, 600_000n),
        await fund(quorum, { branch: 1, index: 2 }, 500_000n),
      ];
      await node.faucet.mine();
      const { psbt, facts } = await pay(quorum, coins, 1_000_000n);
      const read = await node.rpc.call<{ fee: number; tx: { txid: string } }>('decodepsbt', psbt);
      expect(satoshi(read.fee)).toBe(facts.feeSat);
      expect(read.tx.txid).toBe(facts.unsignedTxid);

      const final = finish(quorum, psbt, [2, 0]);
      const answer = await verdict(final.rawTransaction);
      expect(answer).toMatchObject({ allowed: true, vsize: final.vsize });
      expect(BigInt(final.vsize)).toBeLessThanOrEqual(facts.vsize);
      expect(await node.rpc.call('sendrawtransaction', final.rawTransaction)).toBe(facts.unsignedTxid);
      await node.faucet.mine();
      const change = deriveAddress(spec, 1, 7).address;
      const unspent = await wallet.call<{ address: string; amount: number; solvable: boolean }[]>('listunspent');
      expect(unspent.map(({ address, amount, solvable }) => [address, satoshi(amount), solvable])).toEqual([
        [change, 100_000n - facts.feeSat, true],
      ]);
    });
  });

  it.each([
    { threshold: 1, keys: 1, recoveryDelayBlocks: 1 },
    { threshold: 1, keys: 3, recoveryDelayBlocks: 16 },
    { threshold: 3, keys: 5, recoveryDelayBlocks: 17 },
    { threshold: 15, keys: 15, recoveryDelayBlocks: 65_535 },
  ])('is accepted as $threshold of $keys with a delay of $recoveryDelayBlocks blocks', async (options) => {
    const quorum = softwareQuorum(options);
    const { spec } = quorum;
    const derived = await node.rpc.call<string[]>('deriveaddresses', branchDescriptor(spec, 1), [128, 131]);
    expect(deriveAddresses(spec, 1, 128, 4).map((each) => each.address)).toEqual(derived);
    const coin = await fund(quorum, { branch: 0, index: 0 }, 100_000n);
    const { psbt, facts } = await pay(quorum, [coin], 20_000n);
    const members = Array.from({ length: options.threshold }, (_, i) => options.keys - 1 - i);
    const final = finish(quorum, psbt, members);
    expect(await verdict(final.rawTransaction)).toMatchObject({ allowed: true, vsize: final.vsize });
    expect(BigInt(final.vsize)).toBeLessThanOrEqual(facts.vsize);
  });

  it('can be recovered by the cold key after the delay, and not a block earlier', async () => {
    const path: AddressPath = { branch: 0, index: 4 };
    const coin = await fund(recoverable, path, 300_000n);
    await node.faucet.mine();
    const raw = recoverySpend(coin);
    // the coin has one confirmation; the spend may be in the block that gives it one more than the delay
    await node.faucet.mine(DELAY_BLOCKS - 2);
    expect(await verdict(raw)).toMatchObject({ allowed: false, 'reject-reason': 'non-BIP68-final' });
    await node.faucet.mine();
    expect(await verdict(raw)).toMatchObject({ allowed: true });
    expect(await verdict(recoverySpend(coin, DELAY_BLOCKS - 1))).toMatchObject({ allowed: false });
  });

  /** What the client's cold device would make: `[signature, recovery key, n+... empty items for the quorum, script]`. */
  function recoverySpend(coin: WalletCoin, sequence = DELAY_BLOCKS): string {
    const { spec } = recoverable;
    const { witnessScript, scriptPubKey } = deriveAddress(spec, coin.branch, coin.index);
    const key = coldAccount.derive(coin.branch).derive(coin.index);
    const transaction = new Transaction();
    transaction.version = 2;
    transaction.addInput(Buffer.from(coin.txid, 'hex').reverse(), coin.vout, sequence);
    transaction.addOutput(Buffer.from(scriptPubKey, 'hex'), coin.amountSat - 1_000n);
    const witness = Buffer.from(witnessScript, 'hex');
    const digest = transaction.hashForWitnessV0(0, witness, coin.amountSat, Transaction.SIGHASH_ALL);
    const signature = script.signature.encode(ecc.sign(digest, key.privateKey!), Transaction.SIGHASH_ALL);
    const emptyQuorum = Array.from({ length: spec.threshold + 1 }, () => new Uint8Array());
    transaction.setWitness(0, [signature, key.publicKey, ...emptyQuorum, witness]);
    return transaction.toHex();
  }
});
