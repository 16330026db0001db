import { erc20Asset, type EthereumChainId } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { ZeroAddress } from 'ethers/constants';
import { Transaction } from 'ethers/transaction';
import { concat, dataLength, dataSlice, toBeHex } from 'ethers/utils';
import fc from 'fast-check';
import { CANONICAL } from '../test/canonical-contracts.js';
import { newOwnerKey } from '../test/owner-keys.js';
import { encodeSafeDeployment, predictSafeAddress, safeSpecSchema, type SafeSpec } from './deployment.js';
import { decodeGasTransaction } from './gas-call.js';
import {
  gasMaxCostWei,
  gasTransactionDigest,
  gasTransactionSchema,
  serialiseGasTransaction,
  type GasTransaction,
} from './gas-transaction.js';
import { buildSafeTransfer, encodeErc20Transfer, encodeExecTransaction, safeTxHash } from './safe-transaction.js';
import { recoverableSignature, recoverSigner } from './signatures.js';

const chain: EthereumChainId = 'eip155:31337';
const payer = newOwnerKey();
const owners = [newOwnerKey(), newOwnerKey(), newOwnerKey()];
const spec: SafeSpec = { chain, ownerKeys: owners.map((key) => key.publicKey), threshold: 2, saltNonce: '7' };
const safe = predictSafeAddress(spec, CANONICAL);
const bob = '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB';

const gasTransaction = (call: { to: string; data: string }): GasTransaction => ({
  chain,
  from: payer.address,
  nonce: '0',
  ...call,
  gasLimit: '500000',
  maxFeePerGas: '2000000000',
  maxPriorityFeePerGas: '1000000000',
});
const decode = (tx: GasTransaction) => decodeGasTransaction(tx, { contracts: CANONICAL });
const codeOf = (call: { to: string; data: string }): string => {
  const decoded = decode(gasTransaction(call));
  return decoded.ok ? 'accepted' : decoded.refusal.code;
};
const deployment = encodeSafeDeployment(spec, CANONICAL);

describe('a gas transaction that deploys a Safe', () => {
  it('tells what the Safe is made of and where it will be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), (threshold, salt) => {
        const other = { ...spec, threshold, saltNonce: salt.toString() };
        expect(decode(gasTransaction(encodeSafeDeployment(other, CANONICAL)))).toEqual({
          ok: true,
          value: {
            kind: 'deploy-safe',
            safe: predictSafeAddress(other, CANONICAL),
            owners: owners.map((key) => key.address),
            threshold,
            saltNonce: salt.toString(),
          },
        });
      }),
    );
  });

  it('is refused, or deploys another Safe, after any byte has changed', () => {
    fc.assert(
      fc.property(fc.nat(dataLength(deployment.data) - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const { data } = deployment;
        const flipped = toBeHex(Number(dataSlice(data, at, at + 1)) ^ mask, 1);
        const decoded = decode(
          gasTransaction({ ...deployment, data: concat([dataSlice(data, 0, at), flipped, dataSlice(data, at + 1)]) }),
        );
        if (decoded.ok) expect(decoded.value.safe).not.toBe(safe);
      }),
      { numRuns: 300 },
    );
  });

  const SETUP = new Interface([
    'function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)',
  ]);
  const FACTORY = new Interface([
    'function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce)',
    'function createChainSpecificProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce)',
  ]);
  const handler = CANONICAL.fallbackHandler.address;
  const singleton = CANONICAL.singleton.address;
  const plain = [owners.map((key) => key.address), 2, ZeroAddress, '0x', handler, ZeroAddress, 0, ZeroAddress];
  const withSetup = (at: number, value: unknown) => SETUP.encodeFunctionData('setup', plain.with(at, value as string));
  const create = (initializer: string, implementation = singleton, name = 'createProxyWithNonce') => ({
    to: deployment.to,
    data: FACTORY.encodeFunctionData(name, [implementation, initializer, 7n]),
  });

  it('is the plain one that was built by hand', () => {
    expect(create(withSetup(1, 2))).toEqual(deployment);
  });

  it.each([
    ['another implementation', create(withSetup(1, 2), bob)],
    ['a set-up delegatecall', create(withSetup(2, bob))],
    ['set-up calldata', create(withSetup(3, '0x12'))],
    ['another fallback handler', create(withSetup(4, bob))],
    ['a payment token', create(withSetup(5, bob))],
    ['a payment', create(withSetup(6, 1))],
    ['a payment receiver', create(withSetup(7, bob))],
    ['no threshold', create(withSetup(1, 0))],
    ['a threshold above the owners', create(withSetup(1, 4))],
    ['no initializer', create('0x')],
    ['another function of the factory', create(withSetup(1, 2), singleton, 'createChainSpecificProxyWithNonce')],
    ['another factory', { ...deployment, to: bob }],
    ['trailing bytes', { ...deployment, data: `${deployment.data}00` }],
  ])('is refused with %s', (_, call) => {
    expect(codeOf(call)).toBe('ethereum.gas-call-not-allowed');
  });
});

describe('a gas transaction that executes on a Safe', () => {
  const safeTx = buildSafeTransfer({ asset: erc20Asset(chain, bob), to: bob, amount: 5n, nonce: 9n });
  const hash = safeTxHash(chain, safe, safeTx);
  const signatures = owners.slice(0, 2).map((key) => {
    const signature = recoverableSignature(hash, key.sign(hash), key.address);
    if (!signature.ok) throw new Error(signature.refusal.code);
    return { owner: key.address, signature: signature.value };
  });
  const execution = gasTransaction({ to: safe, data: encodeExecTransaction(safeTx, signatures) });

  const signersAt = (nonce: string) => {
    const decoded = decode(execution);
    if (!decoded.ok || decoded.value.kind !== 'execute-safe') throw new Error('not an execution');
    const digest = safeTxHash(chain, decoded.value.safe, { ...decoded.value.call, nonce });
    return decoded.value.signatures.map((signature) => recoverSigner(digest, signature)).sort();
  };

  it('tells all that the owners signed but the nonce, and with it who they are', () => {
    const { nonce, ...call } = safeTx;
    expect(decode(execution)).toMatchObject({ ok: true, value: { kind: 'execute-safe', safe, call } });
    expect(signersAt(nonce)).toEqual(signatures.map(({ owner }) => owner).sort());
  });

  it('has no signature of an owner at another nonce', () => {
    for (const { address } of owners) expect(signersAt('10')).not.toContain(address);
  });

  it.each([
    ['any other call', { to: safe, data: encodeErc20Transfer(bob, 1n) }],
    ['bytes of no call', { to: safe, data: '0x00' }],
    ['no signatures', { to: safe, data: encodeExecTransaction(safeTx, []) }],
  ])('is refused with %s', (_, call) => {
    expect(codeOf(call)).toBe('ethereum.gas-call-not-allowed');
  });
});

describe('a gas transaction', () => {
  const tx = gasTransaction(deployment);

  it('is signed by its payer and by nobody else', () => {
    const digest = gasTransactionDigest(tx);
    const signed = serialiseGasTransaction(tx, payer.sign(digest));
    if (!signed.ok) throw new Error(signed.refusal.code);
    const { hash, from, value, type, accessList } = Transaction.from(signed.value.raw);
    expect({ hash, from, value, type, accessList }).toEqual({
      hash: signed.value.hash,
      from: payer.address,
      value: 0n,
      type: 2,
      accessList: [],
    });
    expect(serialiseGasTransaction(tx, newOwnerKey().sign(digest))).toMatchObject({
      refusal: { code: 'ethereum.wrong-signer' },
    });
  });

  it('can cost its gas limit times its fee cap', () => {
    expect(gasMaxCostWei(tx)).toBe(1_000_000_000_000_000n);
  });

  it.each([
    ['a value', { value: '1' }],
    ['an access list', { accessList: [] }],
    ['a tip over the cap', { maxPriorityFeePerGas: '2000000001' }],
    ['a tip that is no number', { maxPriorityFeePerGas: 'x' }],
    ['a cap that is no number', { maxFeePerGas: '1e9' }],
    ['a gas limit over 64 bits', { gasLimit: (1n << 64n).toString() }],
    ['a Bitcoin chain', { chain: 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328' }],
    ['no calldata', { data: '0x' }],
    ['an address without checksum', { to: deployment.to.toLowerCase() }],
    ['a contract creation', { to: null }],
  ])('is malformed with %s', (_, change) => {
    expect(gasTransactionSchema.safeParse(tx).success).toBe(true);
    expect(gasTransactionSchema.safeParse({ ...tx, ...change }).success).toBe(false);
  });
});

describe('what a Safe is made of', () => {
  it.each([
    ['no owners', { ownerKeys: [] }],
    ['an owner twice', { ownerKeys: [owners[0]!.publicKey, owners[0]!.publicKey] }],
    ['a point off the curve', { ownerKeys: [`02eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34`] }],
    ['a threshold of zero', { threshold: 0 }],
    ['a threshold above the owners', { threshold: 4 }],
    ['a salt over 256 bits', { saltNonce: (1n << 256n).toString() }],
    ['a salt that is no number', { saltNonce: '0x7' }],
  ])('is malformed with %s', (_, change) => {
    expect(safeSpecSchema.safeParse(spec).success).toBe(true);
    expect(safeSpecSchema.safeParse({ ...spec, ...change }).success).toBe(false);
  });
});
