import { jest } from '@jest/globals';
import {
  buildSafeTransfer,
  encodeErc20Transfer,
  encodeExecTransaction,
  encodeSafeDeployment,
  gasTransactionDigest,
  predictSafeAddress,
  recoverableSignature,
  safeTxHash,
  serialiseGasTransaction,
  type GasTransaction,
} from '@bulkhead/ethereum';
import { safeSpec } from '@bulkhead/charter';
import { erc20Asset, orThrow, type AssetId, type Purpose, type RefusalError, type SafeTx } from '@bulkhead/intent';
import { SafeGateway } from '../../apps/orchestrator/src/chains/safe-gateway.js';
import { CANONICAL } from '../../libs/ethereum/test/canonical-contracts.js';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import { ANVIL } from '../support/charter-builder.js';
import { ETH } from '../support/custody-firm.js';
import { CONFIRMATIONS, FollowerBench } from '../support/follower-bench.js';

jest.setTimeout(60_000);

const ETHER = 10n ** 18n;
type Owner = 'alpha' | 'beta' | 'house';

let bench: FollowerBench;
let tusd: AssetId;
beforeAll(async () => {
  bench = await FollowerBench.start('anvil');
  tusd = erc20Asset(ANVIL, bench.stack.contracts.testToken);
  await bench.enact({ kind: 'asset.list', asset: { id: tusd, symbol: 'TUSD', decimals: 18 } });
}, 120_000);
afterAll(() => bench.stop(), 60_000);
afterEach(async () => {
  await bench.follow();
  expect(await bench.differences()).toEqual([]);
});

const rpc = () => bench.stack.anvil.rpc;
const world = () => bench.stack.contracts.deployer;
const safe = (owner: Owner) => bench.firm.safes[owner];
const held = (owner: Owner, asset: AssetId) => bench.held(`${owner}-safe`, asset);
const mineAndFollow = async (blocks = 1) => {
  await rpc().call('anvil_mine', `0x${blocks.toString(16)}`);
  await bench.follow();
};
const payEther = (to: string, valueWei: bigint) => rpc().send({ from: world(), to, valueWei });
const payToken = (to: string, amount: bigint) =>
  rpc().send({ from: world(), to: bench.stack.contracts.testToken, data: encodeErc20Transfer(to, amount) });
const statuses = async (wallet: string) => (await bench.deposits.list({ wallet })).map(({ row }) => row.status);

/** A transaction of the house's gas payer, signed. */
async function signGas(to: string, data: string, nonce?: number): Promise<{ raw: string; hash: string }> {
  const { ethereum, firm } = bench;
  const { maxFeePerGas, maxPriorityFeePerGas } = await ethereum.feeData();
  const tx: GasTransaction = {
    chain: ANVIL,
    from: firm.gasPayer.address,
    nonce: String(nonce ?? (await ethereum.transactionCount(firm.gasPayer.address, 'pending'))),
    to,
    data,
    gasLimit: '1000000',
    maxFeePerGas: maxFeePerGas.toString(),
    maxPriorityFeePerGas: maxPriorityFeePerGas.toString(),
  };
  const key = bench.keys.get('gas-payer')![0]!;
  return orThrow(serialiseGasTransaction(tx, key.sign(gasTransactionDigest(tx))));
}

/** Sends a transaction of the gas payer. Gives its hash. */
async function payGas(to: string, data: string): Promise<string> {
  const { raw } = await signGas(to, data);
  return orThrow(await bench.ethereum.sendRawTransaction(raw));
}

async function deploy(owner: Owner): Promise<void> {
  const { to, data } = encodeSafeDeployment(safeSpec(safe(owner)), CANONICAL);
  await payGas(to, data);
  await mineAndFollow();
}

interface Execution {
  readonly asset: AssetId;
  readonly to: string;
  readonly amount: bigint;
  /** A transfer of ours; undefined: the register knows nothing of it. */
  readonly purpose?: Purpose;
  /** Whatever else is to be signed instead. */
  readonly tx?: Partial<SafeTx>;
}

/** Has a Safe's quorum sign a payment and the gas payer send it. */
async function execute(owner: Owner, { asset, to, amount, purpose, tx: changes }: Execution) {
  const { address } = safe(owner);
  const state = orThrow(await new SafeGateway(bench.ethereum).checkState(safe(owner), CANONICAL));
  const tx = { ...buildSafeTransfer({ asset, to, amount, nonce: state.nonce }), ...changes };
  const hash = safeTxHash(ANVIL, address, tx);
  const signatures = bench.keys.get(`${owner}-safe`)!.map((key) => ({
    owner: key.address,
    signature: orThrow(recoverableSignature(hash, key.sign(hash), key.address)),
  }));
  if (purpose) {
    await bench.knowTransfer({ wallet: `${owner}-safe`, asset, amount, payee: to, purpose, safeTxHash: hash });
  }
  const transaction = await payGas(address, encodeExecTransaction(tx, signatures));
  await mineAndFollow();
  return { hash, transaction };
}

const executionOf = async (hash: string) =>
  (await bench.database.query<unknown[]>('select * from safe_execution where safe_tx_hash = $1', [hash]))[0];

describe('a deposit on Ethereum', () => {
  it('to a Safe that is not deployed yet waits for its confirmations, and is credited', async () => {
    await payEther(safe('alpha').address, 5n * ETHER);
    await payToken(safe('alpha').address, 700n);
    await bench.follow();
    expect(await held('alpha', ETH)).toEqual({ total: 5n * ETHER, pending: 5n * ETHER, suspense: 0n, available: 0n });
    expect((await held('alpha', tusd)).pending).toBe(700n);
    await mineAndFollow(CONFIRMATIONS);
    expect(await statuses('alpha-safe')).toEqual(['CREDITED', 'CREDITED']);
    expect((await held('alpha', ETH)).available).toBe(5n * ETHER);
    expect((await held('alpha', tusd)).available).toBe(700n);
  });

  it('to the gas payer is the house’s own', async () => {
    await payEther(bench.firm.gasPayer.address, 10n * ETHER);
    await mineAndFollow(CONFIRMATIONS);
    expect((await bench.held('gas-payer', ETH)).available).toBe(10n * ETHER);
  });

  it('to a deployed Safe is counted once, though the Safe reports it, too', async () => {
    await deploy('alpha');
    await payEther(safe('alpha').address, ETHER);
    await mineAndFollow(CONFIRMATIONS);
    expect((await held('alpha', ETH)).available).toBe(6n * ETHER);
    expect((await bench.deposits.list({ wallet: 'alpha-safe' })).length).toBe(3);
  });

  it('of nothing, which anybody can make a token report, is none', async () => {
    const before = (await bench.deposits.list({})).length;
    await payToken(safe('alpha').address, 0n);
    await bench.follow();
    expect((await bench.deposits.list({})).length).toBe(before);
  });

  it('is taken back when its block is, and credited from another block', async () => {
    const snapshot = await rpc().call<string>('evm_snapshot');
    await payEther(safe('beta').address, 3n * ETHER);
    await mineAndFollow(CONFIRMATIONS - 1);
    expect((await held('beta', ETH)).available).toBe(3n * ETHER);
    await rpc().call('evm_revert', snapshot);
    await bench.follow();
    await mineAndFollow(CONFIRMATIONS + 1);
    expect(await held('beta', ETH)).toEqual({ total: 0n, pending: 0n, suspense: 0n, available: 0n });
    expect(await statuses('beta-safe')).toEqual(['REVERSED']);
    await payEther(safe('beta').address, 3n * ETHER);
    await mineAndFollow(CONFIRMATIONS);
    expect((await held('beta', ETH)).available).toBe(3n * ETHER);
  });

  it('is seen once when anvil shuffles the newest blocks', async () => {
    await payEther(safe('beta').address, ETHER);
    await bench.follow();
    await rpc().call('anvil_reorg', 1, []);
    await mineAndFollow(2);
    expect((await held('beta', ETH)).total).toBe(await bench.ethereum.balance(safe('beta').address));
  });
});

describe('gas', () => {
  it('that deployed a client’s Safe is a gift of the house, and the client’s expense', async () => {
    const before = await bench.held('gas-payer', ETH);
    await deploy('beta');
    const spent = before.total - (await bench.held('gas-payer', ETH)).total;
    expect(spent).toBeGreaterThan(0n);
    const entries = await bench.ledger.entries({ owner: 'beta' }, { after: '0', limit: 100 });
    const gift = entries.findLast(({ kind }) => kind === 'gas-gift-received');
    expect(gift?.postings.map(({ account, amount }) => [account, amount])).toEqual([
      ['GAS_GIFT', -spent],
      ['FEES', spent],
    ]);
  });

  it('that deployed the house’s own Safe is its own expense', async () => {
    await deploy('house');
    const entries = await bench.ledger.entries({ owner: 'house' }, { after: '0', limit: 100 });
    expect(entries.at(-1)?.kind).toBe('gas-spent');
  });
});

describe('the Ethereum client', () => {
  it('takes a transaction that is sent again as sent, and another one of its nonce as rejected', async () => {
    const { ethereum } = bench;
    const { to, data } = encodeSafeDeployment({ ...safeSpec(safe('alpha')), saltNonce: '99' }, CANONICAL);
    const { raw, hash } = await signGas(to, data);
    for (let time = 0; time < 3; time += 1) {
      expect(await ethereum.sendRawTransaction(raw)).toEqual({ ok: true, value: hash });
    }
    const nonce = (await ethereum.transactionCount(bench.firm.gasPayer.address, 'latest')) - 1;
    const other = await signGas(to, `${data}00`, nonce);
    const answer = await ethereum.sendRawTransaction(other.raw);
    expect(answer).toMatchObject({ refusal: { code: 'chain.transaction-rejected', facts: { hash: other.hash } } });
  });
});

describe('a transfer out of a Safe', () => {
  it('of ether is booked when it is executed', async () => {
    const to = newOwnerKey().address;
    const { hash, transaction } = await execute('alpha', { asset: ETH, to, amount: ETHER, purpose: 'PAYMENT' });
    expect((await held('alpha', ETH)).available).toBe(5n * ETHER);
    expect(await executionOf(hash)).toMatchObject({ succeeded: true, tx_id: transaction });
    const entries = await bench.ledger.entries({ owner: 'alpha' }, { after: '0', limit: 100 });
    expect(
      entries
        .slice(-2)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['gas-gift-received', 'transfer-sent']);
  });

  it('of a token is booked when it is executed', async () => {
    const to = newOwnerKey().address;
    await execute('alpha', { asset: tusd, to, amount: 200n, purpose: 'PAYMENT' });
    expect((await held('alpha', tusd)).available).toBe(500n);
  });

  it('that the chain executes in vain is known as failed, and moves nothing', async () => {
    const before = await held('alpha', tusd);
    const to = newOwnerKey().address;
    // with a gas limit of its own, a Safe records a failure instead of reverting
    const { hash } = await execute('alpha', {
      ...{ asset: tusd, to, amount: 1_000_000n, purpose: 'PAYMENT' },
      tx: { safeTxGas: '100000' },
    });
    expect(await executionOf(hash)).toMatchObject({ succeeded: false });
    expect(await held('alpha', tusd)).toEqual(before);
  });

  it('of the house that makes a client whole is two entries, one of each owner, and no deposit', async () => {
    await payEther(safe('house').address, 4n * ETHER);
    await mineAndFollow(CONFIRMATIONS);
    const before = await held('alpha', ETH);
    const to = safe('alpha').address;
    const { transaction } = await execute('house', { asset: ETH, to, amount: ETHER, purpose: 'RESTITUTION' });
    expect((await held('alpha', ETH)).available).toBe(before.available + ETHER);
    expect((await held('house', ETH)).available).toBe(3n * ETHER);
    expect((await bench.deposits.list({})).filter(({ row }) => row.txId === transaction)).toEqual([]);
  });

  it('that nobody asked for freezes it, and what reaches another compartment is quarantined', async () => {
    const to = safe('alpha').address;
    const { transaction } = await execute('house', { asset: ETH, to, amount: ETHER });
    expect((await held('house', ETH)).total).toBe(2n * ETHER);
    expect((await held('alpha', ETH)).suspense).toBe(ETHER);
    const opened = (await bench.incidents.list({})).filter(({ detail }) => detail.transaction === transaction);
    expect(opened.map(({ kind, wallet }) => `${kind} ${wallet}`).sort()).toEqual([
      'deposit.quarantined alpha-safe',
      'spend.unexplained house-safe',
    ]);
    const frozen = await bench.database.query<{ wallet: string }[]>('select wallet from wallet_freeze');
    expect(frozen).toEqual([{ wallet: 'house-safe' }]);
  });
});

describe('the Safe gateway', () => {
  const gateway = () => new SafeGateway(bench.ethereum);

  it('finds the pinned contracts, and names one that is not what the charter pins', async () => {
    expect(await gateway().checkContracts(CANONICAL)).toEqual({ ok: true, value: true });
    const other = { ...CANONICAL, fallbackHandler: { ...CANONICAL.fallbackHandler, codeHash: `0x${'00'.repeat(32)}` } };
    expect(await gateway().checkContracts(other)).toMatchObject({
      refusal: { code: 'ethereum.contract-unknown', facts: { contract: 'fallbackHandler' } },
    });
  });

  it('deploys what Safe’s own kit would deploy, once', async () => {
    const draft = { ...safe('alpha'), saltNonce: '77' };
    const another = { ...draft, address: predictSafeAddress(safeSpec(draft), CANONICAL) };
    expect(await gateway().deployment(another, CANONICAL)).toEqual({
      ok: true,
      value: encodeSafeDeployment(safeSpec(another), CANONICAL),
    });
    expect(await gateway().deployment(draft, CANONICAL)).toMatchObject({ refusal: { code: 'ethereum.safe-state' } });
    expect(await gateway().deployment(safe('alpha'), CANONICAL)).toMatchObject({
      refusal: { code: 'ethereum.safe-state', facts: { deployed: 'already' } },
    });
  });

  it('agrees with Safe’s own kit on what the owners sign', async () => {
    const tx = buildSafeTransfer({ asset: ETH, to: newOwnerKey().address, amount: 5n, nonce: 9n });
    const hash = orThrow(await gateway().checkedTransactionHash(ANVIL, safe('alpha'), CANONICAL, tx));
    expect(hash).toBe(safeTxHash(ANVIL, safe('alpha').address, tx));
  });

  it('names each part of a Safe that is not as the charter has it', async () => {
    const other = { ...safe('alpha'), threshold: 1, keys: safe('alpha').keys.slice(1) };
    const refusal = await gateway().checkState(other, CANONICAL);
    expect(refusal).toMatchObject({ refusal: { code: 'ethereum.safe-state', facts: { threshold: '2' } } });
  });
});

describe('a follower of Ethereum', () => {
  it('says that the node does not answer, and goes on when it does', async () => {
    const follower = bench.follower();
    await bench.follow(follower);
    await bench.stack.anvil.part.stop();
    const failure = await follower.step().catch((error: unknown) => error as RefusalError);
    expect(failure).toMatchObject({ refusal: { code: 'chain.unavailable' } });
    await bench.stack.anvil.part.start();
    await payToken(safe('beta').address, 11n);
    await bench.follow(follower);
    expect((await held('beta', tusd)).total).toBe(11n);
  });
});
