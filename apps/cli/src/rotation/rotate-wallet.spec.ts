import { randomUUID } from 'node:crypto';
import { buildPsbt } from '@bulkhead/bitcoin';
import { bitcoinSpec } from '@bulkhead/charter';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { CharterBuilder } from '../../../../test/support/charter-builder.js';
import { BTC, openFirm, strangersAddress } from '../../../../test/support/custody-firm.js';
import { inventCoin } from '../../../../test/support/forged-psbt.js';
import { SIGNER_RECORDS, threeKeys } from '../../../../test/support/wallets.js';
import type { TransferView } from '../api/custody-client.js';
import { settle, type Movers } from './rotate-wallet.js';

/** What the movers are shown: an intent of theirs with bytes that pay `paid`. */
async function shown(paid: (payee: string) => string) {
  const charter = CharterBuilder.start(SIGNER_RECORDS);
  const firm = await openFirm(charter, threeKeys);
  const spec = bitcoinSpec(firm.bitcoin.alpha);
  const built = buildPsbt({
    spec,
    coins: [inventCoin(spec, 100_000n)],
    payments: [{ address: paid(firm.payee.bitcoin), amountSat: 60_000n }],
    change: { branch: 1, index: 0 },
    feeRateSatVb: 5n,
    maxFeeSat: 50_000n,
  });
  const payload = { kind: 'psbt', chain: REGTEST, psbt: orThrow(built).psbt } as const;
  const wish = { owner: 'alpha', wallet: 'alpha-btc', asset: BTC, to: firm.payee.bitcoin, amount: '60000' };
  const { intent, proposal } = charter.transferRequest(wish, payload);
  const view = { id: intent.id, state: 'PENDING_APPROVAL', intent, proposal, payload, approvals: [] };
  const signed: string[] = [];
  const movers = {
    proposer: { id: 'olivia' },
    approvers: [{ id: 'omar' }, { id: 'oskar' }],
    charter: () => Promise.resolve(charter.state),
    log: () => undefined,
    client: {
      approveTransfer: (device: { id: string }, read: object) => {
        signed.push(device.id);
        return Promise.resolve({ ...view, ...read, state: 'PENDING_APPROVAL' });
      },
      transfer: () => Promise.resolve({ ...view, state: 'SETTLED' }),
    },
  } as unknown as Movers;
  return { signed, settled: (id = intent.id) => settle(movers, { ...view, id } as unknown as TransferView) };
}

describe('people who rotate a wallet', () => {
  it('sign bytes that hold by the charter that they have verified themselves', async () => {
    const { signed, settled } = await shown((payee) => payee);
    expect((await settled()).state).toBe('SETTLED');
    expect(signed).toEqual(['omar', 'oskar']);
  });

  it('sign nothing when the bytes pay somebody else, or are of another transfer', async () => {
    const forged = await shown(() => strangersAddress());
    await expect(forged.settled()).rejects.toThrow(/do not hold: segregation\./);
    expect(forged.signed).toEqual([]);
    const other = await shown((payee) => payee);
    await expect(other.settled(randomUUID())).rejects.toThrow(/Another intent is shown/);
    expect(other.signed).toEqual([]);
  });
});
