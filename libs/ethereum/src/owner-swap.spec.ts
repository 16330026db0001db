import { type EthereumChainId, type Payload, type SafeTx } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { getAddress } from 'ethers/address';
import { ZeroAddress } from 'ethers/constants';
import { solidityPacked } from 'ethers/hash';
import { concat, dataLength, dataSlice, toBeHex } from 'ethers/utils';
import fc from 'fast-check';
import { CANONICAL } from '../test/canonical-contracts.js';
import { buildOwnerSwap, decodeOwnerSwap, SENTINEL_OWNER, swapInList, type OwnerSwap } from './owner-swap.js';
import { decodeSafeTx } from './safe-facts.js';
import { safeTxHash } from './safe-transaction.js';

const chain: EthereumChainId = 'eip155:31337';
const safe = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const [one, two, three] = [
  '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
  '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
  '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
] as const;
const swap: OwnerSwap = { previous: SENTINEL_OWNER, retiring: one, incoming: two };

const payload = (change: Partial<SafeTx> = {}, of = swap, nonce = 3n): Extract<Payload, { kind: 'safe-tx' }> => ({
  kind: 'safe-tx',
  chain,
  safe,
  tx: { ...buildOwnerSwap(safe, of, nonce), ...change },
});
const codeOf = (change: Partial<SafeTx>): string => {
  const decoded = decodeOwnerSwap(payload(change));
  return decoded.ok ? 'accepted' : decoded.refusal.code;
};

/** Safe 1.4.1's own functions over owners, modules, guard and handler, as its Solidity declares them. */
const SELF = new Interface([
  'function addOwnerWithThreshold(address owner, uint256 threshold)',
  'function removeOwner(address prevOwner, address owner, uint256 threshold)',
  'function swapOwner(address prevOwner, address oldOwner, address newOwner)',
  'function changeThreshold(uint256 threshold)',
  'function enableModule(address module)',
  'function disableModule(address prevModule, address module)',
  'function setGuard(address guard)',
  'function setFallbackHandler(address handler)',
]);
const BATCH = new Interface(['function multiSend(bytes transactions)']);
const batchOf = (data: string): Partial<SafeTx> => ({
  to: CANONICAL.multiSendCallOnly.address,
  operation: 1,
  data: BATCH.encodeFunctionData('multiSend', [
    solidityPacked(['uint8', 'address', 'uint256', 'uint256', 'bytes'], [0, safe, 0n, dataLength(data), data]),
  ]),
});

const anAddress = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => getAddress(`0x${Buffer.from(bytes).toString('hex')}`))
  .filter((address) => address !== ZeroAddress);
const aSwap = fc.record({ previous: anAddress, retiring: anAddress, incoming: anAddress });
const aNonce = fc.bigInt({ min: 0n, max: 1n << 200n });

describe('an owner swap', () => {
  it('is, byte for byte, the Safe’s call of its own swapOwner', () => {
    const { to, value, operation, data } = payload().tx;
    expect({ to, value, operation }).toEqual({ to: safe, value: '0', operation: 0 });
    const word = (address: string) => address.slice(2).toLowerCase().padStart(64, '0');
    // 0xe318b52b: the first four bytes of keccak-256 of `swapOwner(address,address,address)`, as block explorers list it
    expect(data).toBe(`0xe318b52b${word(SENTINEL_OWNER)}${word(one)}${word(two)}`);
  });

  it('is what it was built to do', () => {
    fc.assert(
      fc.property(aSwap, aNonce, (of, nonce) => {
        const bytes = payload({}, of, nonce);
        const hash = safeTxHash(chain, safe, bytes.tx);
        expect(decodeOwnerSwap(bytes)).toEqual({ ok: true, value: { chain, safe, nonce, safeTxHash: hash, ...of } });
      }),
    );
  });

  it('is another one, or none, after a byte of its calldata has changed, and no bytes make the decoder throw', () => {
    fc.assert(
      fc.property(aSwap, fc.nat(), fc.integer({ min: 1, max: 255 }), (of, at, mask) => {
        const { data } = payload({}, of).tx;
        const i = at % dataLength(data);
        const flipped = toBeHex(Number(dataSlice(data, i, i + 1)) ^ mask, 1);
        const changed = concat([dataSlice(data, 0, i), flipped, dataSlice(data, i + 1)]);
        const decoded = decodeOwnerSwap(payload({ data: changed }, of));
        if (decoded.ok) expect(decoded.value).not.toMatchObject(of);
      }),
    );
  });

  it.each<[string, Partial<SafeTx>]>([
    ['with ether', { value: '1' }],
    ['by delegatecall', { operation: 1 }],
    ['of another account', { to: one }],
    ['with a byte behind it', { data: `${payload().tx.data}00` }],
    ['with dirt in its padding', { data: payload().tx.data.replace('e318b52b0', 'e318b52b1') }],
    ['that adds an owner', { data: SELF.encodeFunctionData('addOwnerWithThreshold', [two, 2]) }],
    ['that removes one', { data: SELF.encodeFunctionData('removeOwner', [SENTINEL_OWNER, one, 1]) }],
    ['that changes the threshold', { data: SELF.encodeFunctionData('changeThreshold', [1]) }],
    ['that enables a module', { data: SELF.encodeFunctionData('enableModule', [two]) }],
    ['that disables one', { data: SELF.encodeFunctionData('disableModule', [SENTINEL_OWNER, two]) }],
    ['that sets a guard', { data: SELF.encodeFunctionData('setGuard', [two]) }],
    ['that sets a fallback handler', { data: SELF.encodeFunctionData('setFallbackHandler', [two]) }],
    ['inside a batch', batchOf(payload().tx.data)],
    ['of nothing', { data: '0x' }],
  ])('is not taken for one %s', (_, change) => {
    expect(codeOf(change)).toBe('ethereum.call-undecodable');
  });

  it.each<[string, Partial<SafeTx>, string]>([
    [
      'for nobody',
      { data: SELF.encodeFunctionData('swapOwner', [SENTINEL_OWNER, one, ZeroAddress]) },
      'address.malformed',
    ],
    ['with a gas refund', { gasPrice: '1' }, 'ethereum.refund-not-zero'],
    ['that may fail and use up its nonce', { safeTxGas: '1' }, 'ethereum.refund-not-zero'],
    ['with a nonce that is none', { nonce: '0x3' }, 'ethereum.transaction-malformed'],
  ])('is refused %s', (_, change, code) => {
    expect(codeOf(change)).toBe(code);
  });

  it('is never a payment, alone or in a batch: those still refuse whatever a Safe does to itself', () => {
    const context = { contracts: CANONICAL, tokens: new Set<string>() };
    for (const change of [{}, batchOf(payload().tx.data)]) {
      expect(decodeSafeTx(payload(change), context)).toMatchObject({ refusal: { code: 'ethereum.calls-itself' } });
    }
  });
});

describe('the owner before the one that goes', () => {
  const owners = [one, two, three];
  const previousOf = (retiring: string) => swapInList(owners, retiring, safe).previous;

  it('is the one before it in the Safe’s list, and the sentinel before the first', () => {
    expect([previousOf(one), previousOf(two), previousOf(three)]).toEqual([SENTINEL_OWNER, one, two]);
    expect(previousOf(two.toLowerCase())).toBe(one);
  });

  it('is nobody’s who is no owner', () => {
    expect(() => previousOf(safe)).toThrow(/no owner/);
  });
});
