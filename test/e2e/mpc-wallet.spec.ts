import { jest } from '@jest/globals';
import { decodeTransaction, finaliseTaprootPsbt, taprootDescriptor, type WalletCoin } from '@bulkhead/bitcoin';
import { taprootSpec } from '@bulkhead/charter';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { bitcoinNode, type TestBitcoinNode } from '../support/bitcoin-node.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000);

describe('a Taproot wallet that three signers hold in shares', () => {
  let node: TestBitcoinNode;
  let firm: MpcFirm;
  beforeAll(async () => {
    [node, firm] = await Promise.all([bitcoinNode('mpc'), MpcFirm.start()]);
  });
  afterAll(async () => {
    await Promise.all([node.remove(), firm.processes.stop()]);
  });

  async function deposit(amountSat: bigint): Promise<WalletCoin> {
    const { address } = firm.wallet();
    const txid = await node.faucet.pay(address, amountSat);
    await node.faucet.mine(1);
    const previousTransaction = await node.rpc.call<string>('getrawtransaction', txid);
    const output = orThrow(decodeTransaction(previousTransaction, REGTEST)).outputs.find(
      (each) => each.address === address,
    );
    if (!output) throw new Error('the deposit is not there');
    return { txid, vout: output.index, amountSat, branch: 1, index: 0, previousTransaction };
  }

  const isMined = async (txid: string): Promise<boolean> =>
    ((await node.rpc.call<{ confirmations?: number }>('getrawtransaction', txid, true)).confirmations ?? 0) > 0;

  async function pay(coins: readonly WalletCoin[], amountSat: bigint, members?: readonly string[]) {
    const payload = firm.payment(coins, amountSat);
    const signing = await firm.sign(firm.request(payload, amountSat), members);
    if (!signing.ok) throw new Error(signing.refusal.detail);
    const signatures = signing.value.map(({ inputIndex, signature }) => ({
      inputIndex,
      signature: Buffer.from(signature, 'hex'),
    }));
    const final = orThrow(finaliseTaprootPsbt(payload.psbt, taprootSpec(firm.wallet()), signatures));
    const txid = await node.rpc.call<string>('sendrawtransaction', final.rawTransaction);
    await node.faucet.mine(1);
    expect(txid).toBe(final.txid);
    expect(await isMined(txid)).toBe(true);
    return final;
  }

  it('has the address that the node derives from its descriptor', async () => {
    const descriptor = taprootDescriptor(taprootSpec(firm.wallet()));
    expect(await node.rpc.call('deriveaddresses', descriptor)).toEqual([firm.wallet().address]);
  });

  it('takes a deposit and pays it out by any two of its members, with several coins at once', async () => {
    const coins = [await deposit(100_000n), await deposit(150_000n)];
    const { vsize } = await pay(coins, 200_000n, ['signer-a', 'signer-c']);
    expect(vsize).toBeLessThan(230);
    await pay([await deposit(80_000n)], 50_000n, ['signer-b', 'signer-c']);
  });

  it('signs nothing that is not approved, pays elsewhere, or spends a coin that is committed', async () => {
    const coin = await deposit(90_000n);
    const payload = firm.payment([coin], 60_000n);
    const { omar } = firm.processes.charter.members;
    const member = firm.member('signer-a');
    const unapproved = firm.request(payload, 60_000n, { approvers: [omar] });
    expect(codeOf(await member.promise(unapproved))).toBe('approval.quorum-not-met');
    const elsewhere = firm.payment([coin], 60_000n, await node.faucet.address());
    expect(codeOf(await member.promise(firm.request(elsewhere, 60_000n)))).toBe('segregation.change-not-own');
    expect(codeOf(await member.promise(firm.request(payload, 60_000n)))).toBe('accepted');
    const rival = firm.payment([coin], 50_000n);
    expect(codeOf(await member.promise(firm.request(rival, 50_000n)))).toBe('segregation.coin-committed');
    // a key of the token never signs for it, whatever is asked
    expect(codeOf(await firm.processes.client('signer-a').signTransfer(firm.request(payload, 60_000n)))).toBe(
      'signer.wrong-wallet',
    );
  });

  it('goes on with two members when the third is down, and with all when it is back', async () => {
    await firm.processes.stack.part('signer-a').kill('SIGKILL');
    await pay([await deposit(70_000n)], 40_000n);
    await firm.processes.stack.part('signer-a').start();
    await pay([await deposit(70_000n)], 40_000n, ['signer-a', 'signer-b']);
  });

  it('keeps its address when its shares are refreshed, and old shares are gone', async () => {
    const { group } = orThrow(await firm.member('signer-a').promise(await freshRequest()));
    const refreshed = orThrow(await firm.carrier.refresh(group));
    expect(refreshed.epoch).toBe(group.epoch + 1);
    expect(refreshed.commitments[0]).toBe(group.commitments[0]);
    expect(codeOf(await firm.carrier.refresh(group))).toBe('charter.act-not-allowed');
    await pay([await deposit(60_000n)], 30_000n, ['signer-a', 'signer-b']);
    await firm.processes.stack.part('signer-b').kill('SIGKILL');
    await firm.processes.stack.part('signer-b').start();
    await pay([await deposit(60_000n)], 30_000n, ['signer-b', 'signer-c']);
  });

  const freshRequest = async () => firm.request(firm.payment([await deposit(50_000n)], 20_000n), 20_000n);

  it('is opened only with the group that its signers have generated, under its name', async () => {
    const { keys, ...wallet } = firm.wallet();
    const stolen = { ...wallet, id: 'stolen-tap', keys };
    expect(() => firm.processes.charter.append({ kind: 'wallet.open', wallet: stolen })).toThrow(
      'charter.public-key-reused',
    );
    expect(codeOf(await firm.carrier.generate('alpha-tap', 2, ['signer-a', 'signer-b', 'signer-c']))).toBe(
      'mpc.group-exists',
    );
  });
});
