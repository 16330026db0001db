import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { bitcoinSpec, type BitcoinWallet } from '@bulkhead/charter';
import { buildPsbt } from '@bulkhead/bitcoin';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { addressOf } from '../support/custody-firm.js';
import { inventCoin } from '../support/forged-psbt.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

/** An orchestrator that shows a quorum of members another key than the signer made, or one of them who mistypes it. */
describe('a wallet that names a key for a signer which its token did not make', () => {
  let alpha: AlphaPayments;
  let wallet: BitcoinWallet;
  beforeAll(async () => {
    alpha = await AlphaPayments.start({ three: true });
    const { charter, processes } = alpha;
    const [first, second] = await processes.keys('alpha-cold', [alpha.a, alpha.b, alpha.c]);
    const keys = [first!, second!, { signer: 'signer-c', publicKey: newOwnerKey().publicKey }];
    wallet = { ...alpha.firm.bitcoin.alpha, id: 'alpha-cold', keys };
    charter.append({ kind: 'wallet.open', wallet });
    charter.append({ kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } });
  }, 120_000);
  afterAll(() => alpha.processes.stop());

  const pay = () => {
    const built = buildPsbt({
      spec: bitcoinSpec(wallet),
      coins: [inventCoin(bitcoinSpec(wallet), 100_000n)],
      payments: [{ address: alpha.firm.payee.bitcoin, amountSat: 60_000n }],
      change: { branch: 1, index: 0 },
      feeRateSatVb: 5n,
      maxFeeSat: 50_000n,
    });
    const payload = { kind: 'psbt' as const, chain: REGTEST, psbt: orThrow(built).psbt };
    return alpha.request(payload, { wallet: 'alpha-cold' });
  };
  const prove = async (client: SignerClient, id: string, address: string) =>
    codeOf(await client.proveControl({ nonce: randomBytes(32).toString('hex'), wallet: id, address }));

  it('does not leave that signer behind: it follows the entry, and those after it', async () => {
    const { charter } = alpha;
    for (const client of [alpha.a, alpha.b, alpha.c]) orThrow(await client.pushEntries(charter.entries));
    expect(orThrow(await alpha.c.heads()).heads['client:gamma']?.hash).toBe(charter.lastHash);
  });

  it('is signed for and proven by it in no way', async () => {
    expect(codeOf(await alpha.c.signTransfer(pay()))).toBe('charter.key-not-held');
    expect(await prove(alpha.c, 'alpha-cold', addressOf(wallet))).toBe('charter.key-not-held');
    expect(codeOf(await alpha.c.confirmKey(wallet))).toBe('charter.key-not-held');
    expect(codeOf(await alpha.a.confirmKey(wallet))).toBe('accepted');
    expect(codeOf(await alpha.a.signTransfer(pay()))).toBe('accepted');
  });

  it('does not stop it from signing for others, also after a restart', async () => {
    const { alpha: usual } = alpha.firm.bitcoin;
    expect(codeOf(await alpha.c.signTransfer(alpha.request(alpha.honest())))).toBe('accepted');
    await alpha.processes.stack.part('signer-c').restart();
    expect(codeOf(await alpha.c.signTransfer(alpha.request(alpha.honest())))).toBe('accepted');
    expect(await prove(alpha.c, usual.id, addressOf(usual))).toBe('accepted');
    expect(codeOf(await alpha.c.signTransfer(pay()))).toBe('charter.key-not-held');
  });
});
