import { safeSpec, type GasPayer, type SafeWallet } from '@bulkhead/charter';
import {
  buildSafeTransfer,
  encodeExecTransaction,
  encodeSafeDeployment,
  ownerAddress,
  recoverableSignature,
  safeTxHash,
  type GasTransaction,
  type OwnerSignature,
} from '@bulkhead/ethereum';
import { etherAsset, orThrow, type SafeTx } from '@bulkhead/intent';
import { getBytes, Interface, SigningKey } from 'ethers';
import fc from 'fast-check';
import { ANVIL } from '../../../test/support/charter-builder.js';
import { gasPayer, OUTSIDE, quorumKeysOf, safeWallet, usualFirm } from '../../../test/support/wallets.js';
import { decideGas, gasRequestSchema, type GasRequest } from './decide-gas.js';

const firm = usualFirm();
const contracts = firm.state.genesis.safeContracts;
const payer = firm.state.wallets.get('house-gas') as GasPayer;
const safeOf = (owner: string) => firm.state.wallets.get(`${owner}-safe`) as SafeWallet;
const alpha = safeOf('alpha');
const TRANSFER = buildSafeTransfer({ asset: etherAsset(ANVIL), to: OUTSIDE.ethereum, amount: 5n, nonce: 3n });

const gas = (to: string, data: string, changes: Partial<GasTransaction> = {}): GasTransaction => ({
  chain: ANVIL,
  from: payer.address,
  nonce: '7',
  to,
  data,
  gasLimit: '500000',
  maxFeePerGas: '2000000000',
  maxPriorityFeePerGas: '1000000000',
  ...changes,
});
const deploy = (wallet: SafeWallet): readonly [string, string] => {
  const { to, data } = encodeSafeDeployment(safeSpec(wallet), contracts);
  return [to, data];
};

/** Signs the EIP-712 hash with a wallet's quorum keys, as the tokens of signers would. */
function signatures(tx: SafeTx, keysOf: string, count: number, safe = alpha.address): OwnerSignature[] {
  const hash = safeTxHash(ANVIL, safe, tx);
  return quorumKeysOf(keysOf)
    .slice(0, count)
    .map(({ privateKey, publicKey }) => {
      const { r, s } = new SigningKey(privateKey).sign(hash);
      const owner = ownerAddress(publicKey);
      return { owner, signature: orThrow(recoverableSignature(hash, getBytes(r + s.slice(2)), owner)) };
    });
}
const execute = (
  signed: readonly OwnerSignature[],
  changes: Partial<GasTransaction> = {},
  tx: SafeTx = TRANSFER,
): GasTransaction => gas(alpha.address, encodeExecTransaction(tx, signed), changes);

const decide = (transaction: GasTransaction, safeNonce: string | null = null) =>
  decideGas(firm.state, gasRequestSchema.parse({ transaction, safeNonce }));
const codeOf = (transaction: GasTransaction, safeNonce: string | null = null): string => {
  const decision = decide(transaction, safeNonce);
  return decision.ok ? 'accepted' : decision.refusal.code;
};

describe('the house’s gas payer', () => {
  it('deploys a Safe of the charter, and says for whom and at what cost at most', () => {
    const decision = decide(gas(...deploy(alpha)));
    if (!decision.ok) throw new Error(decision.refusal.code);
    expect(decision.value).toMatchObject({
      payer: { id: 'house-gas' },
      beneficiary: { id: 'alpha-safe', owner: 'alpha' },
      call: { kind: 'deploy-safe', safe: alpha.address },
      resource: `${ANVIL}/gas:${payer.address.toLowerCase()}:7`,
      maxCostWei: 500_000n * 2_000_000_000n,
    });
  });

  it('executes what enough owners of a Safe have signed', () => {
    for (const count of [2, 3]) {
      const decision = decide(execute(signatures(TRANSFER, 'alpha-safe', count)), '3');
      expect(decision.ok && decision.value.beneficiary.id).toBe('alpha-safe');
    }
  });

  it('is one that the charter names, on its own chain', () => {
    expect(codeOf(gas(...deploy(alpha), { from: OUTSIDE.ethereum }))).toBe('charter.unknown-wallet');
    expect(codeOf(gas(...deploy(alpha), { from: alpha.address }))).toBe('charter.unknown-wallet');
    expect(codeOf(gas(...deploy(alpha), { from: gasPayer('other', 'house').address }))).toBe('charter.unknown-wallet');
    expect(codeOf(gas(...deploy(alpha), { chain: 'eip155:1' }))).toBe('charter.unknown-wallet');
  });

  it('burns no more than the firm’s cap', () => {
    const cap = BigInt(firm.state.genesis.limits.maxGasCostWei);
    const gasLimit = 500_000n;
    expect(codeOf(gas(...deploy(alpha), { maxFeePerGas: (cap / gasLimit).toString() }))).toBe('accepted');
    expect(codeOf(gas(...deploy(alpha), { maxFeePerGas: (cap / gasLimit + 1n).toString() }))).toBe(
      'ethereum.gas-over-cap',
    );
    const most = { gasLimit: (2n ** 64n - 1n).toString(), maxFeePerGas: (2n ** 256n - 1n).toString() };
    expect(codeOf(gas(...deploy(alpha), most))).toBe('ethereum.gas-over-cap');
  });

  it('deploys no Safe that the charter does not have', () => {
    for (const stranger of [safeWallet('stranger', 'alpha'), { ...alpha, saltNonce: '1' }, { ...alpha, threshold: 3 }])
      expect(codeOf(gas(...deploy(stranger)))).toBe('ethereum.gas-call-not-allowed');
    const [, data] = deploy(alpha);
    expect(codeOf(gas(OUTSIDE.ethereum, data))).toBe('ethereum.gas-call-not-allowed');
    expect(codeOf(gas(contracts.proxyFactory.address, `${data}00`))).toBe('ethereum.gas-call-not-allowed');
  });

  it('executes on no Safe that the charter does not have', () => {
    const stranger = safeWallet('stranger', 'alpha');
    const signed = signatures(TRANSFER, 'stranger', 2, stranger.address);
    expect(codeOf(gas(stranger.address, encodeExecTransaction(TRANSFER, signed)), '3')).toBe(
      'ethereum.gas-call-not-allowed',
    );
  });

  it('pays for no other call', () => {
    const transfer = new Interface(['function transfer(address to, uint256 amount)']);
    const data = transfer.encodeFunctionData('transfer', [OUTSIDE.ethereum, 1n]);
    for (const to of [OUTSIDE.ethereum, alpha.address, contracts.proxyFactory.address, payer.address])
      expect(codeOf(gas(to, data))).toBe('ethereum.gas-call-not-allowed');
    expect(gasRequestSchema.safeParse({ transaction: gas(alpha.address, '0x'), safeNonce: null }).success).toBe(false);
  });
});

describe('an execution that too few owners have signed', () => {
  const refusedAs = 'ethereum.gas-call-not-allowed';

  it('has one signature, or one twice', () => {
    const [one] = signatures(TRANSFER, 'alpha-safe', 1);
    expect(codeOf(execute([one!]), '3')).toBe(refusedAs);
    expect(codeOf(execute([one!, one!]), '3')).toBe(refusedAs);
    expect(codeOf(execute([one!, { ...one!, owner: alpha.address }, one!]), '3')).toBe(refusedAs);
  });

  it('has signatures of others', () => {
    const others = signatures(TRANSFER, 'beta-safe', 2);
    expect(codeOf(execute(others), '3')).toBe(refusedAs);
    expect(codeOf(execute([...signatures(TRANSFER, 'alpha-safe', 1), ...others]), '3')).toBe(refusedAs);
  });

  it('has signatures over another nonce, or names none', () => {
    const signed = execute(signatures(TRANSFER, 'alpha-safe', 2));
    expect(codeOf(signed, '3')).toBe('accepted');
    for (const nonce of ['2', '4', null]) expect(codeOf(signed, nonce)).toBe(refusedAs);
  });

  it('has signatures for another Safe', () => {
    const elsewhere = signatures(TRANSFER, 'alpha-safe', 2, safeOf('beta').address);
    expect(codeOf(execute(elsewhere), '3')).toBe(refusedAs);
  });

  it('had any part of its transaction changed after signing', () => {
    const signed = signatures(TRANSFER, 'alpha-safe', 2);
    const change = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((value) => ({ value: value.toString() })),
      fc.constantFrom<Partial<SafeTx>>(
        { to: OUTSIDE.otherEthereum },
        { data: '0x00' },
        { operation: 1 },
        { safeTxGas: '1' },
        { baseGas: '1' },
        { gasPrice: '1' },
        { gasToken: OUTSIDE.ethereum },
        { refundReceiver: OUTSIDE.ethereum },
      ),
    );
    fc.assert(
      fc.property(change, (changes) => {
        fc.pre(changes.value !== TRANSFER.value);
        expect(codeOf(execute(signed, {}, { ...TRANSFER, ...changes }), '3')).toBe(refusedAs);
      }),
    );
  });

  it('had any bit of a signature changed', () => {
    const signed = signatures(TRANSFER, 'alpha-safe', 2);
    fc.assert(
      fc.property(fc.nat(1), fc.nat(519), (which, bit) => {
        const bytes = Buffer.from(signed[which]!.signature.slice(2), 'hex');
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const bad = signed.with(which, { ...signed[which]!, signature: `0x${bytes.toString('hex')}` });
        expect(codeOf(execute(bad), '3')).toBe(refusedAs);
      }),
    );
  });
});

describe('what is read as a gas request', () => {
  const request: GasRequest = { transaction: gas(...deploy(alpha)), safeNonce: null };

  it.each([
    { value: '1' },
    { accessList: [] },
    { nonce: '-1' },
    { gasLimit: '1.5' },
    { gasLimit: (2n ** 64n).toString() },
    { maxPriorityFeePerGas: '2000000001' },
    { to: alpha.address.toLowerCase() },
    { chain: 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328' },
  ])('is refused with %j', (changes) => {
    expect(gasRequestSchema.safeParse(request).success).toBe(true);
    const transaction = { ...request.transaction, ...changes };
    expect(gasRequestSchema.safeParse({ ...request, transaction }).success).toBe(false);
  });

  it.each(['', '-1', '01', '1e3', '0x1', (2n ** 256n).toString()])('is refused with the nonce %j', (safeNonce) => {
    expect(gasRequestSchema.safeParse({ ...request, safeNonce }).success).toBe(false);
  });
});
