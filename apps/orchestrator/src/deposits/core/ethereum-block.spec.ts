import {
  encodeExecTransaction,
  encodeSafeDeployment,
  LOG_TOPICS,
  ownerAddress,
  predictSafeAddress,
  type SafeContracts,
} from '@bulkhead/ethereum';
import { erc20Asset, etherAsset, type EthereumChainId, type SafeTx } from '@bulkhead/intent';
import { AbiCoder, hexlify, randomBytes, SigningKey, toBeHex, zeroPadValue } from 'ethers';
import type { MinedTransaction } from '../../chains/ethereum-client.js';
import type { KnownTransfer, WatchedAddress } from './block-changes.js';
import { mentionedInEthereumBlock, readEthereumBlock } from './ethereum-block.js';

const chain: EthereumChainId = 'eip155:31337';
const ETH = etherAsset(chain);
const newKey = (): string => new SigningKey(hexlify(randomBytes(32))).compressedPublicKey.slice(2);
const newAddress = (): string => ownerAddress(newKey());
const pinned = () => ({ address: newAddress(), codeHash: `0x${'00'.repeat(32)}` });
const CONTRACTS: SafeContracts = {
  ...{ singleton: pinned(), proxyFactory: pinned(), fallbackHandler: pinned(), multiSendCallOnly: pinned() },
  proxyCreationCode: '0x00',
};
const TOKEN = newAddress();
const UNLISTED = newAddress();
const STRANGER = newAddress();
const BANK = newAddress();
const HASH = `0x${'ab'.repeat(32)}`;

const alphaSpec = { chain, ownerKeys: [newKey(), newKey()], threshold: 2, saltNonce: '1' };
const watch = (owner: string, kind: WatchedAddress['kind'], address = newAddress()): WatchedAddress => ({
  address,
  owner,
  kind,
  wallet: kind && `${owner}-${kind}`,
  estate: owner === 'house' ? 'HOUSE' : 'CLIENT',
  branch: undefined,
  index: undefined,
});
const alpha = watch('alpha', 'safe', predictSafeAddress(alphaSpec, CONTRACTS));
const beta = watch('beta', 'safe');
const house = watch('house', 'safe');
const payer = watch('house', 'gas-payer');
const desk = watch('house', undefined);

const topic = (address: string): string => zeroPadValue(address.toLowerCase(), 32);
const uint = (value: bigint): string => AbiCoder.defaultAbiCoder().encode(['uint256'], [value]);
const logs = {
  transfer: (from: string, to: string, amount: bigint, token = TOKEN) => ({
    address: token,
    topics: [LOG_TOPICS.tokenTransfer, topic(from), topic(to)],
    data: uint(amount),
  }),
  received: (safe: WatchedAddress, from: string, amount: bigint) => ({
    address: safe.address,
    topics: [LOG_TOPICS.safeReceived, topic(from)],
    data: uint(amount),
  }),
  executed: (safe: WatchedAddress, success = true) => ({
    address: safe.address,
    topics: [success ? LOG_TOPICS.executionSuccess : LOG_TOPICS.executionFailure, HASH],
    data: uint(0n),
  }),
};
type Log = ReturnType<(typeof logs)['transfer']>;

interface Sketch {
  readonly from?: string;
  readonly to?: string;
  readonly value?: bigint;
  readonly input?: string;
  readonly logs?: readonly Log[];
  readonly status?: boolean;
}
const mined = ({
  from = STRANGER,
  to = STRANGER,
  value = 0n,
  input = '0x',
  logs: emitted = [],
  status = true,
}: Sketch) =>
  ({
    ...{ hash: `0x${'11'.repeat(32)}`, from, to, value, input },
    receipt: {
      transactionHash: `0x${'11'.repeat(32)}`,
      blockHash: 'block-7',
      blockNumber: 7,
      status,
      gasUsed: 100n,
      effectiveGasPrice: 3n,
      logs: emitted.map((log, logIndex) => ({ ...log, logIndex, topics: [...log.topics] })),
    },
  }) satisfies MinedTransaction;

function read(sketch: Sketch, transfer?: Partial<KnownTransfer>) {
  const block = { number: 7, hash: 'block-7', parentHash: 'block-6', transactions: [mined(sketch)] };
  const { addresses } = mentionedInEthereumBlock(block, CONTRACTS);
  const mentioned = new Set([...addresses, transfer?.payee].map((address) => address?.toLowerCase()));
  return readEthereumBlock(block, {
    chain,
    confirmations: 3,
    contracts: CONTRACTS,
    // only what was said to be mentioned can have been looked up
    watched: (address) =>
      mentioned.has(address.toLowerCase())
        ? [alpha, beta, house, payer, desk].find((each) => each.address.toLowerCase() === address.toLowerCase())
        : undefined,
    isListed: (token) => token === TOKEN,
    transfer: (hash) =>
      transfer && hash === HASH
        ? {
            ...{
              id: 't',
              owner: 'alpha',
              wallet: 'alpha-safe',
              purpose: 'PAYMENT',
              asset: ETH,
              amount: 60n,
              payee: BANK,
            },
            ...transfer,
          }
        : undefined,
  });
}
const kinds = ({ entries }: ReturnType<typeof read>) => entries.map(({ kind }) => kind);
const seen = ({ deposits }: ReturnType<typeof read>) =>
  deposits.map(({ wallet, asset, amount, position, status }) => [wallet, asset, amount, position, status]);

describe('reading an Ethereum block', () => {
  it('takes ether in that a transaction brings, and not a second time when the Safe reports it', () => {
    const value = { to: alpha.address, value: 5n };
    const expected = [['alpha-safe', ETH, 5n, 'value', 'PENDING']];
    expect(seen(read(value))).toEqual(expected);
    expect(seen(read({ ...value, logs: [logs.received(alpha, STRANGER, 5n)] }))).toEqual(expected);
  });

  it('takes ether in that a contract brings, each time', () => {
    const emitted = [logs.received(alpha, BANK, 5n), logs.received(alpha, BANK, 5n)];
    expect(seen(read({ to: BANK, logs: emitted }))).toEqual([
      ['alpha-safe', ETH, 5n, 'log:0', 'PENDING'],
      ['alpha-safe', ETH, 5n, 'log:1', 'PENDING'],
    ]);
  });

  it('takes listed tokens in, and nothing else that looks like them', () => {
    const emitted = [
      logs.transfer(STRANGER, alpha.address, 9n),
      logs.transfer(STRANGER, alpha.address, 9n, UNLISTED),
      logs.transfer(STRANGER, alpha.address, 0n),
      logs.transfer(alpha.address, STRANGER, 0n),
      { ...logs.received(alpha, STRANGER, 8n), address: BANK },
    ];
    const changes = read({ to: TOKEN, input: '0x01', logs: emitted });
    expect(seen(changes)).toEqual([['alpha-safe', erc20Asset(chain, TOKEN), 9n, 'log:0', 'PENDING']]);
    expect(changes.incidents).toEqual([]);
  });

  it('takes nothing in from a transaction that failed', () => {
    const changes = read({ to: alpha.address, value: 5n, status: false });
    expect(seen(changes)).toEqual([]);
    expect(changes.outcomes).toMatchObject([{ succeeded: false }]);
  });

  it.each([
    ['an address of the house', { from: desk.address, to: alpha.address, value: 5n }],
    ['another client', { to: TOKEN, input: '0x01', logs: [logs.transfer(beta.address, alpha.address, 5n)] }],
  ])('quarantines what comes from %s', (_who, sketch) => {
    const changes = read(sketch);
    expect(changes.deposits).toMatchObject([{ wallet: 'alpha-safe', status: 'QUARANTINED', amount: 5n }]);
    expect(changes.incidents.filter(({ kind }) => kind === 'deposit.quarantined')).toHaveLength(1);
  });

  it('books an executed transfer of ether, though no log shows it', () => {
    const changes = read({ from: payer.address, to: alpha.address, input: '0x01', logs: [logs.executed(alpha)] }, {});
    expect(kinds(changes)).toEqual(['gas-spent-for-client', 'gas-gift-received', 'transfer-sent']);
    expect(changes.executions).toMatchObject([{ safeTxHash: HASH, succeeded: true }]);
    expect(changes.outcomes).toMatchObject([{ succeeded: true, fee: 300n }]);
  });

  it('books an executed transfer of a token only where the token says so', () => {
    const transfer = { asset: erc20Asset(chain, TOKEN), amount: 60n };
    const paid = [logs.transfer(alpha.address, BANK, 60n), logs.executed(alpha)];
    const changes = read({ to: alpha.address, input: '0x01', logs: paid }, transfer);
    expect(kinds(changes)).toEqual(['transfer-sent']);
    expect(changes.incidents).toEqual([]);
    const silent = read({ to: alpha.address, input: '0x01', logs: [logs.executed(alpha)] }, transfer);
    expect(kinds(silent)).toEqual([]);
    expect(silent.executions).toMatchObject([{ succeeded: false }]);
    expect(silent.outcomes).toMatchObject([{ succeeded: false }]);
  });

  it('books a transfer into another wallet of ours once, whether or not the receiver reports it', () => {
    const transfer = { purpose: 'FEE_INVOICE' as const, payee: house.address };
    for (const extra of [[], [logs.received(house, alpha.address, 60n)]]) {
      const changes = read({ to: alpha.address, input: '0x01', logs: [...extra, logs.executed(alpha)] }, transfer);
      expect(kinds(changes)).toEqual(['fee-invoice-sent', 'fee-invoice-received']);
      expect([changes.deposits, changes.incidents]).toEqual([[], []]);
    }
  });

  it('knows a failed execution, and books nothing but gas', () => {
    const changes = read(
      { from: payer.address, to: alpha.address, input: '0x01', logs: [logs.executed(alpha, false)] },
      {},
    );
    expect(kinds(changes)).toEqual(['gas-spent-for-client', 'gas-gift-received']);
    expect(changes.executions).toMatchObject([{ succeeded: false }]);
  });

  it('reports an execution that nobody asked for, with the ether that its outermost call sends', () => {
    const tx: SafeTx = {
      ...{ to: BANK, value: '40', data: '0x', operation: 0, nonce: '0', safeTxGas: '0', baseGas: '0', gasPrice: '0' },
      ...{ gasToken: `0x${'0'.repeat(40)}`, refundReceiver: `0x${'0'.repeat(40)}` },
    };
    const signatures = alphaSpec.ownerKeys.map((key) => ({
      owner: ownerAddress(key),
      signature: `0x${toBeHex(1n, 32).slice(2).repeat(2)}1b`,
    }));
    const input = encodeExecTransaction(tx, signatures);
    const changes = read({ to: alpha.address, input, logs: [logs.executed(alpha)] });
    expect(kinds(changes)).toEqual(['unexplained-spend']);
    expect(changes.incidents).toMatchObject([{ kind: 'spend.unexplained', wallet: 'alpha-safe' }]);
  });

  it('reports tokens that leave a Safe on their own', () => {
    const changes = read({ to: TOKEN, input: '0x01', logs: [logs.transfer(alpha.address, BANK, 7n)] });
    expect(kinds(changes)).toEqual(['unexplained-spend']);
    expect(changes.incidents).toMatchObject([{ kind: 'spend.unexplained', wallet: 'alpha-safe' }]);
  });

  it('gives the gas of a deployment to whom the Safe belongs', () => {
    const { to, data } = encodeSafeDeployment(alphaSpec, CONTRACTS);
    expect(kinds(read({ from: payer.address, to, input: data }))).toEqual([
      'gas-spent-for-client',
      'gas-gift-received',
    ]);
  });

  it.each([
    ['its own Safe', { to: house.address }],
    ['an attempt that failed', { to: alpha.address, status: false }],
    ['anything else', { to: BANK }],
  ])('lets the house bear the gas of %s itself', (_what, sketch) => {
    expect(kinds(read({ from: payer.address, input: '0x01', ...sketch }))).toEqual(['gas-spent']);
  });

  it('passes over what touches nobody', () => {
    const changes = read({ value: 5n, logs: [logs.transfer(STRANGER, BANK, 9n)] });
    expect([changes.entries, changes.outcomes, changes.deposits]).toEqual([[], [], []]);
  });
});
