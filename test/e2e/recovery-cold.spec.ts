import { buildKit, openKit, sealKit } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { satoshi, type BitcoinRpc } from '../../apps/cli/src/stack/index.js';
import { bitcoinNode, type TestBitcoinNode } from '../support/bitcoin-node.js';
import { instant, type CharterBuilder } from '../support/charter-builder.js';
import { addressAt, bitcoinWallet, usualFirm } from '../support/wallets.js';

jest.setTimeout(60_000);

const DELAY_BLOCKS = 20;
const DEPOSIT_SAT = 70_000_000n;
/** What a payment of before has left on the change branch. */
const CHANGE_SAT = 5_000_000n;
const WALLET = 'alpha-vault';
const FEE_SAT = 10_000n;

interface ListedDescriptors {
  readonly descriptors: readonly { readonly desc: string; readonly internal: boolean }[];
}
interface Coin {
  readonly txid: string;
  readonly vout: number;
  readonly amount: number;
}

/**
 * What a client does when the whole firm is gone: the descriptor from its recovery kit, its own cold key, and a plain
 * bitcoind. Nothing of Bulkhead runs; the key never leaves the node's wallet `cold`, which stands for an offline one.
 */
describe('the cold recovery path of a Bitcoin wallet', () => {
  let node: TestBitcoinNode;
  let charter: CharterBuilder;
  let addresses: readonly string[];
  let cold: BitcoinRpc;
  let restored: BitcoinRpc;
  /** The cold key, private, with its path: `tprv.../84h/1h/0h`. */
  let privateKey: string;
  let publicKey: string;

  beforeAll(async () => {
    node = await bitcoinNode('cold');
    await node.rpc.call('createwallet', 'cold');
    cold = node.rpc.withWallet('cold');
    publicKey = keyOf(await cold.call<ListedDescriptors>('listdescriptors')).replace(/^\[[^\]]*\]/, '');
    privateKey = keyOf(await cold.call<ListedDescriptors>('listdescriptors', true));
    charter = usualFirm();
    const wallet = bitcoinWallet(WALLET, 'alpha', {
      recovery: { kind: 'xpub', xpub: publicKey },
      recoveryDelayBlocks: DELAY_BLOCKS,
    });
    charter.append({ kind: 'wallet.open', wallet });
    const [deposit, change] = [addressAt(charter, WALLET, 0, 1), addressAt(charter, WALLET, 1, 2)];
    addresses = [deposit, change];
    await node.faucet.pay(deposit, DEPOSIT_SAT);
    await node.faucet.pay(change, CHANGE_SAT);
    await node.faucet.mine(1);
  });
  afterAll(async () => {
    await node.remove();
  });

  it('has a descriptor of which plain bitcoind makes the wallet, with the private key in its place', async () => {
    // all that the client has: the kit's file and, from elsewhere, the hash of the genesis
    const file = sealKit(orThrow(buildKit(charter.entries, charter.firm, 'alpha', [], instant())));
    const { kit } = orThrow(openKit(file, charter.firm));
    const descriptor = kit.wallets.find(({ id }) => id === WALLET)!.descriptors!.wallet.split('#')[0]!;
    const spendable = descriptor.replace(publicKey, privateKey);
    const { checksum } = await node.rpc.call<{ checksum: string }>('getdescriptorinfo', spendable);
    await node.rpc.call('createwallet', 'restored', false, true);
    restored = node.rpc.withWallet('restored');
    const imported = await restored.call<{ success: boolean }[]>('importdescriptors', [
      { desc: `${spendable}#${checksum}`, active: true, range: [0, 20], timestamp: 0 },
    ]);
    expect(imported).toEqual([expect.objectContaining({ success: true })]);
    for (const address of addresses) {
      expect(await restored.call('getaddressinfo', address)).toMatchObject({ ismine: true, solvable: true });
    }
    expect(satoshi(await restored.call<number>('getbalance'))).toBe(DEPOSIT_SAT + CHANGE_SAT);
  });

  it('cannot be taken before its time, not even with the key', async () => {
    const [verdict] = await node.rpc.call<{ allowed: boolean; 'reject-reason': string }[]>('testmempoolaccept', [
      await recoverySpend(restored, await node.faucet.address(), DELAY_BLOCKS),
    ]);
    expect(verdict).toMatchObject({ allowed: false, 'reject-reason': 'non-BIP68-final' });
  });

  it('does not take a lock shorter than the script’s', async () => {
    const spend = signRecovery(restored, await node.faucet.address(), DELAY_BLOCKS - 1);
    expect(await spend).toMatchObject({ complete: false });
  });

  it('is still locked one block early', async () => {
    await node.faucet.mine(DELAY_BLOCKS - 2);
    const [verdict] = await node.rpc.call<{ allowed: boolean }[]>('testmempoolaccept', [
      await recoverySpend(restored, await node.faucet.address(), DELAY_BLOCKS),
    ]);
    expect(verdict).toMatchObject({ allowed: false });
  });

  it('pays the client out once the lock has passed', async () => {
    await node.faucet.mine(1);
    const destination = await cold.call<string>('getnewaddress', '', 'bech32');
    const txid = await node.rpc.call<string>(
      'sendrawtransaction',
      await recoverySpend(restored, destination, DELAY_BLOCKS),
    );
    await node.faucet.mine(1);
    const received = await cold.call<number>('getreceivedbyaddress', destination);
    expect({ txid, received: satoshi(received) }).toEqual({
      txid: expect.stringMatching(/^[0-9a-f]{64}$/),
      received: DEPOSIT_SAT + CHANGE_SAT - FEE_SAT,
    });
  });
});

/** The key expression before `/0/*` of the node's own BIP-84 receive descriptor. */
function keyOf({ descriptors }: ListedDescriptors): string {
  const key = descriptors
    .filter(({ internal }) => !internal)
    .map(({ desc }) => /^wpkh\((.*)\/0\/\*\)/.exec(desc)?.[1])
    .find((found) => found !== undefined);
  if (key === undefined) throw new Error('the node has no wpkh descriptor');
  return key;
}

async function recoverySpend(restored: BitcoinRpc, to: string, sequence: number): Promise<string> {
  const { hex, complete } = await signRecovery(restored, to, sequence);
  expect(complete).toBe(true);
  return hex;
}

/** Everything to one address, each input with a relative lock of `sequence` blocks (BIP-68), signed by the node. */
async function signRecovery(
  restored: BitcoinRpc,
  to: string,
  sequence: number,
): Promise<{ readonly hex: string; readonly complete: boolean }> {
  const coins = await restored.call<Coin[]>('listunspent');
  const totalSat = coins.reduce((sum, { amount }) => sum + satoshi(amount), 0n);
  const amount = totalSat - FEE_SAT;
  const raw = await restored.call<string>(
    'createrawtransaction',
    coins.map(({ txid, vout }) => ({ txid, vout, sequence })),
    [{ [to]: `${amount / 100_000_000n}.${String(amount % 100_000_000n).padStart(8, '0')}` }],
  );
  return restored.call('signrawtransactionwithwallet', raw);
}
