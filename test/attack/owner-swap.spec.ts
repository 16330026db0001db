import { randomBytes } from 'node:crypto';
import { keysAfter, permittedSwap, type Act, type SafeWallet } from '@bulkhead/charter';
import {
  buildOwnerSwap,
  buildSafeTransfer,
  ownerAddress,
  recoverableSignature,
  safeTxHash,
  SENTINEL_OWNER,
  type OwnerSwap,
} from '@bulkhead/ethereum';
import { orThrow, OWNER_SWAP, type Payload, type SafeTx } from '@bulkhead/intent';
import { controlDigest } from '@bulkhead/keys';
import type { TransferRequest } from '@bulkhead/policy';
import { jest } from '@jest/globals';
import { dataLength, Interface, solidityPacked } from 'ethers';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { ANVIL, type TransferOptions, type TransferWish } from '../support/charter-builder.js';
import { ETH } from '../support/custody-firm.js';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import { bytesOf, codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

type SafePayload = Extract<Payload, { kind: 'safe-tx' }>;

/**
 * A firm whose orchestrator is in other hands. It can put any bytes to the signers, and here it even has the approvals of a
 * whole quorum for them: what is refused is refused for what the bytes do.
 */
describe('the swap of a Safe’s owner', () => {
  let alpha: AlphaPayments;
  let d: SignerClient;
  let safe: SafeWallet;
  let replacing: Extract<Act, { kind: 'wallet.replace-key' }>;
  let nonce = 0n;

  const everybody = () => [alpha.a, alpha.b, alpha.c, d];
  const bring = async () => {
    for (const client of everybody()) orThrow(await client.pushEntries(alpha.charter.entries));
  };
  const permitted = (): OwnerSwap => orThrow(permittedSwap(alpha.charter.state, safe));
  const bytes = (tx: SafeTx, of = safe.address): SafePayload => ({ kind: 'safe-tx', chain: ANVIL, safe: of, tx });
  const swap = (over: Partial<OwnerSwap> = {}, at = nonce): SafePayload =>
    bytes(buildOwnerSwap(safe.address, { ...permitted(), ...over }, at));
  const asked = (
    payload: SafePayload,
    over: Partial<TransferWish> = {},
    options: TransferOptions = {},
  ): TransferRequest => {
    const itself = { purpose: OWNER_SWAP, to: safe.address, amount: '0', maxFee: '0' } as const;
    return alpha.request(payload, { wallet: 'alpha-safe', asset: ETH, ...itself, ...over }, options);
  };
  const ask = async (client: SignerClient, ...request: Parameters<typeof asked>) =>
    codeOf(await client.signTransfer(asked(...request)));
  const selfCall = (signature: string, args: unknown[]): SafePayload => {
    const abi = new Interface([`function ${signature}`]);
    return bytes({ ...swap().tx, data: abi.encodeFunctionData(signature.split('(')[0]!, args) });
  };
  const payment = (at = nonce) =>
    bytes(buildSafeTransfer({ asset: ETH, to: alpha.firm.payee.ethereum, amount: 5n, nonce: at }));
  const pay = (client: SignerClient, payload: SafePayload) =>
    client.signTransfer(asked(payload, { purpose: 'PAYMENT', to: alpha.firm.payee.ethereum, amount: '5' }));

  beforeAll(async () => {
    alpha = await AlphaPayments.start({ three: true });
    const { processes, charter } = alpha;
    safe = alpha.firm.safes.alpha;
    const { tls, tokens } = processes.stack;
    const [{ fingerprint: tlsFingerprint }, { serial: tokenSerial }] = [tls['signer-d'], tokens['signer-d']];
    charter.append({ kind: 'signer.enrol', signer: { id: 'signer-d', tlsFingerprint, tokenSerial } });
    await processes.startSigner('signer-d');
    d = processes.client('signer-d');
    await bring();
    const key = { signer: 'signer-d', publicKey: orThrow(await d.generateKey(safe.id)).publicKey };
    const statement = { nonce: randomBytes(32).toString('hex'), wallet: safe.id, address: safe.address };
    const { signature } = orThrow(await d.proveControl(statement));
    replacing = {
      kind: 'wallet.replace-key',
      wallet: safe.id,
      retiring: 'signer-b',
      key,
      proof: { nonce: statement.nonce, signature },
    };
  });
  afterAll(() => alpha.processes.stop());

  it('is signed by nobody while the charter names no key to be replaced', async () => {
    const [previous, retiring] = safe.keys.map(({ publicKey }) => ownerAddress(publicKey));
    const incoming = ownerAddress(replacing.key.publicKey);
    const tx = buildOwnerSwap(safe.address, { previous: previous!, retiring: retiring!, incoming }, nonce);
    for (const client of everybody().slice(0, 3)) expect(await ask(client, bytes(tx))).toBe('charter.no-replacement');
  });

  it('cannot be to a key that the incoming signer’s token did not make', async () => {
    const stranger = newOwnerKey();
    const statement = { nonce: replacing.proof.nonce, wallet: safe.id, address: safe.address };
    const signature = Buffer.from(stranger.sign(controlDigest(statement))).toString('hex');
    const forged = alpha.charter.entry({
      ...replacing,
      key: { signer: 'signer-d', publicKey: stranger.publicKey },
      proof: { nonce: statement.nonce, signature },
    });
    if (forged.intent.act.kind !== 'wallet.replace-key') throw new Error('another act');
    expect(codeOf(await d.confirmKey({ ...safe, keys: keysAfter(safe, forged.intent.act) }))).toBe(
      'charter.key-not-held',
    );
    expect(codeOf(await d.confirmKey({ ...safe, keys: keysAfter(safe, replacing) }))).toBe('accepted');
    const unproven = alpha.charter.entry({ ...replacing, proof: { ...replacing.proof, nonce: '00'.repeat(32) } });
    expect(codeOf(await alpha.a.pushEntries([...alpha.charter.entries, unproven]))).toBe('keys.signature-invalid');
  });

  describe('once the charter names the key that goes and the one that comes', () => {
    beforeAll(async () => {
      alpha.charter.append(replacing);
      await bring();
    });

    it('is not signed by those whom it is about', async () => {
      expect(await ask(alpha.b, swap())).toBe('signer.wrong-wallet');
      expect(await ask(d, swap())).toBe('signer.wrong-wallet');
    });

    it('is not signed to, from or after an owner that the charter does not name there', async () => {
      const stranger = newOwnerKey().address;
      const [a, , c] = safe.keys.map(({ publicKey }) => ownerAddress(publicKey));
      for (const over of [
        { incoming: stranger },
        { previous: SENTINEL_OWNER },
        { previous: c! },
        { retiring: c!, previous: permitted().retiring },
        { retiring: a!, previous: SENTINEL_OWNER },
      ])
        expect(await ask(alpha.a, swap(over))).toBe('transfer.payload-differs');
    });

    it('is not anything else that a Safe can do to itself', async () => {
      const stranger = newOwnerKey().address;
      const { previous, retiring } = permitted();
      for (const payload of [
        selfCall('addOwnerWithThreshold(address,uint256)', [stranger, 1]),
        selfCall('removeOwner(address,address,uint256)', [previous, retiring, 1]),
        selfCall('changeThreshold(uint256)', [1]),
        selfCall('enableModule(address)', [stranger]),
        selfCall('setGuard(address)', [stranger]),
        selfCall('setFallbackHandler(address)', [stranger]),
        bytes({ ...swap().tx, value: '1' }),
        bytes({ ...swap().tx, operation: 1 }),
      ])
        expect(await ask(alpha.a, payload)).toBe('ethereum.call-undecodable');
    });

    it('is not hidden in a batch, nor in a payment', async () => {
      const { data } = swap().tx;
      const each = [0, safe.address, 0n, dataLength(data), data];
      const packed = solidityPacked(['uint8', 'address', 'uint256', 'uint256', 'bytes'], each);
      const batch = new Interface(['function multiSend(bytes transactions)']).encodeFunctionData('multiSend', [packed]);
      const to = alpha.charter.state.genesis.safeContracts.multiSendCallOnly.address;
      const hidden = bytes({ ...swap().tx, to, operation: 1, data: batch });
      expect(await ask(alpha.a, hidden)).toBe('ethereum.call-undecodable');
      expect(codeOf(await pay(alpha.a, hidden))).toBe('ethereum.calls-itself');
      expect(codeOf(await pay(alpha.a, swap()))).toBe('ethereum.calls-itself');
    });

    it('is of this Safe and no other', async () => {
      const other = alpha.firm.safes.beta;
      expect(await ask(alpha.a, bytes({ ...swap().tx, to: other.address }, other.address))).toBe(
        'transfer.payload-differs',
      );
      expect(await ask(alpha.a, bytes({ ...swap().tx, to: other.address }))).toBe('ethereum.call-undecodable');
      const ofBeta = { owner: 'beta', wallet: 'beta-safe', to: other.address };
      expect(await ask(alpha.a, swap(), ofBeta)).toBe('charter.no-replacement');
    });

    it('has an intent of one form, and the quorum that the charter names for it', async () => {
      for (const over of [{ amount: '1' }, { maxFee: '1' }, { to: alpha.firm.payee.ethereum }])
        expect(await ask(alpha.a, swap(), over)).toBe('transfer.payload-differs');
      expect(await ask(alpha.a, swap(), {}, { approvers: [alpha.charter.members.omar] })).toBe(
        'approval.quorum-not-met',
      );
      expect(await ask(alpha.a, swap(), {}, { approvedPayload: swap({}, 9n) })).toBe('approval.payload-mismatch');
    });

    it('does not keep those that stay from paying, but keeps the one that goes', async () => {
      expect(codeOf(await pay(alpha.b, payment()))).toBe('signer.wrong-wallet');
      for (const client of [alpha.a, alpha.c]) expect(codeOf(await pay(client, payment()))).toBe('accepted');
      expect(await ask(alpha.a, swap())).toBe('segregation.coin-committed');
      nonce += 1n;
    });

    it('is signed by those that stay, once for its nonce', async () => {
      const payload = swap();
      const hash = safeTxHash(ANVIL, safe.address, payload.tx);
      const request = asked(payload);
      for (const [client, place] of [
        [alpha.a, 0],
        [alpha.c, 2],
      ] as const) {
        const { signatures, decision } = orThrow(await client.signTransfer(request));
        const owner = ownerAddress(safe.keys[place]!.publicKey);
        expect(recoverableSignature(hash, bytesOf(signatures[0]!.signature), owner)).toMatchObject({ ok: true });
        expect(decision.record).toMatchObject({ decision: 'SIGN', spends: null });
        const again = orThrow(await client.signTransfer(request));
        expect(again.signatures).toEqual(signatures);
      }
      expect(codeOf(await pay(alpha.a, payment()))).toBe('segregation.coin-committed');
    });
  });

  describe('after it', () => {
    let executed: SafePayload;

    beforeAll(async () => {
      executed = swap();
      const hash = safeTxHash(ANVIL, safe.address, executed.tx);
      const transaction = `0x${'22'.repeat(32)}`;
      const ended = { kind: 'wallet.key-replaced' as const, wallet: safe.id, nonce: nonce.toString(), transaction };
      alpha.charter.append({ ...ended, safeTxHash: hash });
      await bring();
    });

    it('is never signed again, at its own nonce or another', async () => {
      const later = bytes({ ...executed.tx, nonce: '2' });
      for (const client of everybody())
        for (const payload of [executed, later]) expect(await ask(client, payload)).toBe('charter.no-replacement');
    });

    it('is the new owner who signs, and not the old one', async () => {
      const payload = payment(2n);
      const hash = safeTxHash(ANVIL, safe.address, payload.tx);
      expect(codeOf(await pay(alpha.b, payload))).toBe('signer.wrong-wallet');
      const { signatures } = orThrow(await pay(d, payload));
      const owner = ownerAddress(replacing.key.publicKey);
      expect(recoverableSignature(hash, bytesOf(signatures[0]!.signature), owner)).toMatchObject({ ok: true });
      expect(codeOf(await pay(alpha.a, payload))).toBe('accepted');
    });
  });
});
