import { jest } from '@jest/globals';
import { safeSpec } from '@bulkhead/charter';
import {
  buildSafeTransfer,
  encodeExecTransaction,
  encodeSafeDeployment,
  ownerAddress,
  recoverableSignature,
} from '@bulkhead/ethereum';
import { orThrow, type Payload } from '@bulkhead/intent';
import type { GasRequest, TransferRequest } from '@bulkhead/policy';
import { recoverAddress, Transaction, TypedDataEncoder } from 'ethers';
import type { Signed } from '../../apps/orchestrator/src/signers/answers.js';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { ANVIL, type TransferWish } from '../support/charter-builder.js';
import { ETH } from '../support/custody-firm.js';
import { bytesOf, codeOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
});
afterAll(() => alpha.processes.stop());

type SafePayload = Extract<Payload, { kind: 'safe-tx' }>;

/** Five wei from alpha's Safe to its bank; `over` replaces fields. */
function safePayload(nonce: bigint, over: Partial<SafePayload['tx']> = {}): SafePayload {
  const tx = buildSafeTransfer({ asset: ETH, to: alpha.firm.payee.ethereum, amount: 5n, nonce });
  return { kind: 'safe-tx', chain: ANVIL, safe: alpha.firm.safes.alpha.address, tx: { ...tx, ...over } };
}
const request = (payload: SafePayload, over: Partial<TransferWish> = {}): TransferRequest => {
  const to = alpha.firm.payee.ethereum;
  return alpha.request(payload, { wallet: 'alpha-safe', asset: ETH, to, amount: '5', maxFee: '0', ...over });
};
const ask = (payload: SafePayload, over?: Partial<TransferWish>) => alpha.a.signTransfer(request(payload, over));

/** The SafeTx struct of Safe 1.4.1, written down again from its Solidity: not taken from the code under test. */
const FIELDS =
  'address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce';
const SafeTx = FIELDS.split(',').map((field) => {
  const [type = '', name = ''] = field.split(' ');
  return { type, name };
});
const eip712 = ({ safe, tx }: SafePayload) =>
  TypedDataEncoder.hash({ chainId: 31337, verifyingContract: safe }, { SafeTx }, tx);

/** The first signature with its recovery byte, as ethers recovers it to the owner. */
function recoverable(digest: string, { signatures }: Signed): { owner: string; signature: string } {
  const { publicKey, signature: raw } = signatures[0]!;
  const owner = ownerAddress(publicKey);
  const signature = orThrow(recoverableSignature(digest, bytesOf(raw), owner));
  expect(recoverAddress(digest, signature)).toBe(owner);
  return { owner, signature };
}

describe('a Safe transaction', () => {
  it('is signed by its owners, as ethers recovers', async () => {
    const payload = safePayload(0n);
    const signed = orThrow(await ask(payload));
    const { owner } = recoverable(eip712(payload), signed);
    expect(owner).toBe(ownerAddress(alpha.firm.safes.alpha.keys[0]!.publicKey));
  });

  it('binds its nonce', async () => {
    expect(codeOf(await ask(safePayload(1n)))).toBe('accepted');
    expect(codeOf(await ask(safePayload(1n, { value: '6' }), { amount: '6' }))).toBe('segregation.coin-committed');
  });

  it('is not signed when it delegatecalls an unknown contract, refunds gas, or changes the Safe', async () => {
    const to = alpha.firm.safes.alpha.address;
    expect(codeOf(await ask(safePayload(2n, { operation: 1 })))).toBe('ethereum.delegatecall-unknown');
    expect(codeOf(await ask(safePayload(2n, { gasPrice: '1' })))).toBe('ethereum.refund-not-zero');
    expect(codeOf(await ask(safePayload(2n, { to, value: '0', data: '0x12345678' })))).toBe('ethereum.calls-itself');
  });

  it('is not signed when it pays the house or another client', async () => {
    const { house, beta } = alpha.firm.safes;
    const pay = async (to: string) => codeOf(await ask(safePayload(2n, { to }), { to }));
    expect(await pay(house.address)).toBe('segregation.pays-house');
    expect(await pay(beta.address)).toBe('segregation.pays-other-client');
    expect(await pay(alpha.firm.gasPayer.address)).toBe('segregation.pays-house');
  });
});

describe('gas that the house pays', () => {
  const gas = (over: Partial<GasRequest['transaction']>, safeNonce: string | null = null): GasRequest => ({
    transaction: {
      chain: ANVIL,
      from: alpha.firm.gasPayer.address,
      nonce: '0',
      to: alpha.firm.payee.ethereum,
      data: '0x00',
      gasLimit: '500000',
      maxFeePerGas: '2000000000',
      maxPriorityFeePerGas: '1000000000',
      ...over,
    },
    safeNonce,
  });

  it('is signed for by the one signer that has the gas payer’s key, and binds its nonce', async () => {
    const deployment = encodeSafeDeployment(
      safeSpec(alpha.firm.safes.alpha),
      alpha.charter.state.genesis.safeContracts,
    );
    const wanted = gas(deployment);
    const { to, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = wanted.transaction;
    const unsigned = Transaction.from({
      type: 2,
      chainId: 31337,
      nonce: 0,
      value: 0,
      to,
      data,
      gasLimit,
      maxFeePerGas,
      maxPriorityFeePerGas,
    });
    const { owner } = recoverable(unsigned.unsignedHash, orThrow(await alpha.a.signGas(wanted)));
    expect(owner).toBe(alpha.firm.gasPayer.address);
    expect(codeOf(await alpha.b.signGas(wanted))).toBe('signer.wrong-wallet');
    expect(codeOf(await alpha.a.signGas(gas({ ...deployment, gasLimit: '500001' })))).toBe(
      'segregation.coin-committed',
    );
  });

  it('is signed for when enough owners have signed what it executes, and not before', async () => {
    const to = alpha.firm.safes.alpha.address;
    const payload = safePayload(0n);
    const transfer = request(payload);
    const signedBy = async (client: SignerClient) =>
      recoverable(eip712(payload), orThrow(await client.signTransfer(transfer)));
    const [byA, byB] = [await signedBy(alpha.a), await signedBy(alpha.b)];
    const execution = (nonce: string, signatures: (typeof byA)[], safeNonce = '0') =>
      gas({ nonce, to, data: encodeExecTransaction(payload.tx, signatures) }, safeNonce);
    const ask = async (wanted: GasRequest) => codeOf(await alpha.a.signGas(wanted));
    expect(await ask(execution('1', [byA]))).toBe('ethereum.gas-call-not-allowed');
    expect(await ask(execution('1', [byA, byA]))).toBe('ethereum.gas-call-not-allowed');
    expect(await ask(execution('1', [byA, byB], '1'))).toBe('ethereum.gas-call-not-allowed');
    expect(await ask(execution('1', [byA, byB]))).toBe('accepted');
  });

  it('is not signed for anything else, nor above the cap', async () => {
    expect(codeOf(await alpha.a.signGas(gas({ nonce: '3' })))).toBe('ethereum.gas-call-not-allowed');
    const dear = gas({ nonce: '3', maxFeePerGas: '900000000000' });
    expect(codeOf(await alpha.a.signGas(dear))).toBe('ethereum.gas-over-cap');
  });
});
