import { erc20Asset, etherAsset, type EthereumChainId, type Payload, type SafeTx } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { getAddress } from 'ethers/address';
import { ZeroAddress } from 'ethers/constants';
import { solidityPacked } from 'ethers/hash';
import { concat, dataLength, dataSlice, toBeHex } from 'ethers/utils';
import fc from 'fast-check';
import { CANONICAL } from '../test/canonical-contracts.js';
import { type InnerCall } from './multi-send.js';
import { decodeSafeTx, type SafeSpend } from './safe-facts.js';
import { buildSafeTransfer, encodeErc20Transfer } from './safe-transaction.js';

const chain: EthereumChainId = 'eip155:31337';
const safe = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const token = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359';
const bob = '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB';
const batcher = CANONICAL.multiSendCallOnly.address;
const context = { contracts: CANONICAL, tokens: new Set([token.toLowerCase()]) };
const erc20 = erc20Asset(chain, token);

const payload = (change: Partial<SafeTx> = {}): Extract<Payload, { kind: 'safe-tx' }> => ({
  kind: 'safe-tx',
  chain,
  safe,
  tx: { ...buildSafeTransfer({ asset: etherAsset(chain), to: bob, amount: 7n, nonce: 3n }), ...change },
});
const decode = (change: Partial<SafeTx>) => decodeSafeTx(payload(change), context);
const codeOf = (change: Partial<SafeTx>): string => {
  const decoded = decode(change);
  return decoded.ok ? 'accepted' : decoded.refusal.code;
};
const spendsOf = (change: Partial<SafeTx>): readonly SafeSpend[] => {
  const decoded = decode(change);
  if (!decoded.ok) throw new Error(decoded.refusal.code);
  return decoded.value.spends;
};

const entry = (call: InnerCall, operation = 0): string =>
  solidityPacked(
    ['uint8', 'address', 'uint256', 'uint256', 'bytes'],
    [operation, call.to, call.value, dataLength(call.data), call.data],
  );
const MULTI_SEND = new Interface(['function multiSend(bytes transactions)']);
const batchOf = (...entries: string[]): Partial<SafeTx> => ({
  to: batcher,
  value: '0',
  operation: 1,
  data: MULTI_SEND.encodeFunctionData('multiSend', [concat(entries)]),
});
const ERC20 = new Interface([
  'function transferFrom(address from, address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function increaseAllowance(address spender, uint256 addedValue)',
  'function setApprovalForAll(address operator, bool approved)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
]);
const tokenCall = (name: string, args: unknown[]): Partial<SafeTx> => ({
  to: token,
  value: '0',
  data: ERC20.encodeFunctionData(name, args),
});

const anAddress = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => getAddress(`0x${Buffer.from(bytes).toString('hex')}`))
  .filter((address) => address !== safe && address !== ZeroAddress);
const anAmount = fc.bigInt({ min: 1n, max: (1n << 256n) - 1n });
const aTransfer = fc.record({ asset: fc.constantFrom(etherAsset(chain), erc20), to: anAddress, amount: anAmount });
const callOf = (spend: { asset: string; to: string; amount: bigint }): InnerCall =>
  spend.asset === erc20
    ? { to: token, value: 0n, data: encodeErc20Transfer(spend.to, spend.amount) }
    : { to: spend.to, value: spend.amount, data: '0x' };

/** The same bytes with one of them changed. */
const withFlip = (data: string, at: number, mask: number): string => {
  const i = at % dataLength(data);
  const flipped = Number(dataSlice(data, i, i + 1)) ^ mask;
  return concat([dataSlice(data, 0, i), toBeHex(flipped, 1), dataSlice(data, i + 1)]);
};

describe('what a Safe transaction does', () => {
  it('is what it was built to do', () => {
    fc.assert(
      fc.property(aTransfer, fc.bigInt({ min: 0n, max: 1n << 200n }), (transfer, nonce) => {
        const decoded = decodeSafeTx({ ...payload(), tx: buildSafeTransfer({ ...transfer, nonce }) }, context);
        expect(decoded).toMatchObject({
          ok: true,
          value: { chain, safe, nonce, spends: [{ ...transfer, kind: 'TRANSFER' }] },
        });
      }),
    );
  });

  it('is every inner call of a batch through the pinned MultiSendCallOnly', () => {
    fc.assert(
      fc.property(fc.array(aTransfer, { minLength: 1, maxLength: 5 }), (transfers) => {
        const spends = spendsOf(batchOf(...transfers.map((transfer) => entry(callOf(transfer)))));
        expect(spends).toEqual(transfers.map((transfer) => ({ ...transfer, kind: 'TRANSFER' })));
      }),
    );
  });

  it('is never the same after a byte of its calldata has changed, and no bytes make the decoder throw', () => {
    const transfers = fc.array(aTransfer, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(transfers, fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), (list, alone, at, mask) => {
        const built: Partial<SafeTx> = alone
          ? { to: token, value: '0', data: encodeErc20Transfer(list[0]!.to, list[0]!.amount) }
          : batchOf(...list.map((transfer) => entry(callOf(transfer))));
        const changed = decode({ ...built, data: withFlip(built.data!, at, mask) });
        if (changed.ok) expect(changed.value.spends).not.toEqual(spendsOf(built));
      }),
      { numRuns: 300 },
    );
  });

  it('is never guessed: random calldata is refused, not thrown at', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((b) => Buffer.from(b).toString('hex'));
    const selector = fc.constantFrom('', 'a9059cbb', '095ea7b3', '23b872dd', '39509351', '8d80ff0a');
    fc.assert(
      fc.property(selector, bytes, fc.constantFrom(0 as const, 1 as const), (start, rest, operation) => {
        const to = operation === 0 ? token : batcher;
        expect(codeOf({ to, value: '0', operation, data: `0x${start}${rest}` })).toBe('ethereum.call-undecodable');
      }),
    );
  });

  it('is refused whatever the text in its fields, unless that text is a plain number', () => {
    const field = fc.constantFrom('value', 'nonce', 'gasPrice', 'safeTxGas', 'baseGas', 'gasToken', 'to', 'data');
    fc.assert(
      fc.property(field, fc.string(), (name, text) => {
        if (!/^\d+$/.test(text)) expect(codeOf({ [name]: text })).not.toBe('accepted');
      }),
    );
  });

  it('counts an allowance as value that the spender may take', () => {
    const allowance = { asset: erc20, to: bob, kind: 'ALLOWANCE' };
    expect(spendsOf(tokenCall('approve', [bob, 9n]))).toEqual([{ ...allowance, amount: 9n }]);
    expect(spendsOf(tokenCall('increaseAllowance', [bob, 9n]))).toEqual([{ ...allowance, amount: 9n }]);
    expect(spendsOf(tokenCall('approve', [bob, 0n]))).toEqual([{ ...allowance, amount: 0n }]);
  });

  it("moves the Safe's own tokens only", () => {
    expect(spendsOf(tokenCall('transferFrom', [safe, bob, 5n]))).toEqual([
      { asset: erc20, to: bob, amount: 5n, kind: 'TRANSFER' },
    ]);
    expect(codeOf(tokenCall('transferFrom', [bob, safe, 5n]))).toBe('ethereum.call-undecodable');
  });
});

describe('a Safe transaction is refused', () => {
  const max = ((1n << 256n) - 1n).toString();
  it.each<[string, Partial<SafeTx>, string]>([
    ['with a number that is none', { value: '0x7' }, 'ethereum.transaction-malformed'],
    ['with a leading zero', { value: '07' }, 'ethereum.transaction-malformed'],
    ['with a negative number', { nonce: '-1' }, 'ethereum.transaction-malformed'],
    ['with a number over 256 bits', { value: `${max}0` }, 'ethereum.transaction-malformed'],
    ['with an odd number of hex digits', { to: token, value: '0', data: '0xa' }, 'ethereum.transaction-malformed'],
    ['with an address of another kind', { to: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' }, 'address.malformed'],
    ['with a wrong checksum', { to: bob.replace('dbF', 'DbF') }, 'address.bad-checksum'],
    ['to nobody', { to: ZeroAddress }, 'address.malformed'],
    ['with a gas price', { gasPrice: '1' }, 'ethereum.refund-not-zero'],
    ['with a gas token', { gasToken: token }, 'ethereum.refund-not-zero'],
    ['with a refund receiver', { refundReceiver: bob }, 'ethereum.refund-not-zero'],
    ['with base gas', { baseGas: '1' }, 'ethereum.refund-not-zero'],
    ['with safeTxGas, which would let it fail and use up its nonce', { safeTxGas: '1' }, 'ethereum.refund-not-zero'],
    ['on itself', { to: safe }, 'ethereum.calls-itself'],
    ['on itself in lower case', { to: safe.toLowerCase(), data: '0x', value: '0' }, 'ethereum.calls-itself'],
    ['on itself by delegatecall', { to: safe, operation: 1 }, 'ethereum.calls-itself'],
    ['that moves nothing', { value: '0' }, 'ethereum.call-undecodable'],
    [
      'that moves no tokens',
      { to: token, value: '0', data: encodeErc20Transfer(bob, 0n) },
      'ethereum.call-undecodable',
    ],
    ['with ether on a token call', { to: token, data: encodeErc20Transfer(bob, 1n) }, 'ethereum.call-undecodable'],
    [
      'with tokens for nobody',
      { to: token, value: '0', data: encodeErc20Transfer(ZeroAddress, 1n) },
      'address.malformed',
    ],
    [
      'on an unknown contract',
      { to: bob, value: '0', data: encodeErc20Transfer(bob, 1n) },
      'ethereum.contract-unknown',
    ],
    ['that calls the batcher plainly', { ...batchOf(), operation: 0 }, 'ethereum.contract-unknown'],
    [
      'with trailing bytes',
      { to: token, value: '0', data: `${encodeErc20Transfer(bob, 1n)}00` },
      'ethereum.call-undecodable',
    ],
    ['with an operator for all tokens', tokenCall('setApprovalForAll', [bob, true]), 'ethereum.call-undecodable'],
    [
      'with a permit',
      tokenCall('permit', [safe, bob, 1n, 1n, 27, `0x${'11'.repeat(32)}`, `0x${'11'.repeat(32)}`]),
      'ethereum.call-undecodable',
    ],
    ['by delegatecall to another contract', { operation: 1, data: '0x12345678' }, 'ethereum.delegatecall-unknown'],
    [
      'by delegatecall to a token',
      { operation: 1, to: token, value: '0', data: encodeErc20Transfer(bob, 1n) },
      'ethereum.delegatecall-unknown',
    ],
    ['with an empty batch', batchOf(), 'ethereum.call-undecodable'],
    [
      'with ether on a batch',
      { ...batchOf(entry({ to: bob, value: 1n, data: '0x' })), value: '1' },
      'ethereum.call-undecodable',
    ],
    [
      'with a delegatecall inside a batch',
      batchOf(entry({ to: bob, value: 1n, data: '0x' }, 1)),
      'ethereum.call-undecodable',
    ],
    [
      'with a call on itself inside a batch',
      batchOf(entry({ to: bob, value: 1n, data: '0x' }), entry({ to: safe, value: 1n, data: '0x' })),
      'ethereum.calls-itself',
    ],
    [
      'with an unknown contract inside a batch',
      batchOf(entry({ to: bob, value: 0n, data: '0x12345678' })),
      'ethereum.contract-unknown',
    ],
    [
      'with a batch inside a batch',
      batchOf(entry({ to: batcher, value: 0n, data: batchOf().data! })),
      'ethereum.contract-unknown',
    ],
    [
      'with a byte after the last entry',
      batchOf(entry({ to: bob, value: 1n, data: '0x' }), '0x00'),
      'ethereum.call-undecodable',
    ],
    [
      'with an entry longer than the batch',
      batchOf(solidityPacked(['uint8', 'address', 'uint256', 'uint256'], [0, bob, 1, (1n << 256n) - 1n])),
      'ethereum.call-undecodable',
    ],
  ])('%s', (_, change, code) => {
    expect(codeOf(change)).toBe(code);
  });

  it('on a chain that is not Ethereum', () => {
    const decoded = decodeSafeTx({ ...payload(), chain: 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328' }, context);
    expect(decoded).toMatchObject({ ok: false, refusal: { code: 'ethereum.transaction-malformed' } });
  });
});
