import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { ownershipMessage, type Act } from '@bulkhead/charter';
import { REGTEST, type Digest } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { Wallet } from 'ethers';
import { newOwnerKey } from '../../libs/ethereum/test/owner-keys.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { ANVIL, instant, type EntryOptions } from '../support/charter-builder.js';
import { addressOf, strangersAddress } from '../support/custody-firm.js';
import { codeOf } from '../support/outcome.js';
import { outsideHolder } from '../support/signed-messages.js';
import { LOOK_ALIKE, OUTSIDE } from '../support/wallets.js';

jest.setTimeout(60_000); // real processes on a busy machine

const HOUR_S = 3_600;
/** Registered before anything cooled here: usable from the start. */
const USABLE = [strangersAddress(), strangersAddress(), strangersAddress()] as const;
const COOLING = strangersAddress();
/** Cools for a few seconds only. */
const SOON_USABLE = strangersAddress();
const SOON_S = 8;
let soonSeenBy: number;

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
  const cool = (seconds: number): Act => ({
    kind: 'rules.set',
    rules: { ...alpha.charter.state.rules, delaySeconds: { 'destination.approve': seconds } },
  });
  await handOver(approval(USABLE[0]));
  await handOver(approval(USABLE[1]));
  await handOver(approval(USABLE[2], { owner: 'beta' }));
  await handOver(cool(SOON_S));
  await handOver(approval(SOON_USABLE));
  soonSeenBy = Date.now();
  await handOver(cool(HOUR_S));
});
afterAll(() => alpha.processes.stop());

type Approval = Extract<Act, { kind: 'destination.approve' }>;
const approval = (address: string, changes: Partial<Approval> = {}): Approval => ({
  kind: 'destination.approve',
  id: randomUUID(),
  owner: 'alpha',
  chain: address.startsWith('0x') ? ANVIL : REGTEST,
  address,
  label: 'somebody',
  ...changes,
});
/** Enacts an act and hands the entry to signer A itself: no orchestrator is asked. */
async function handOver(act: Act, options?: EntryOptions): Promise<void> {
  expect(codeOf(await alpha.a.pushEntries([alpha.charter.append(act, options)]))).toBe('accepted');
}
/** What signer A says to an entry that nobody has applied yet. */
const offered = async (act: Act, options?: EntryOptions): Promise<string> =>
  codeOf(await alpha.a.pushEntries([alpha.charter.entry(act, options)]));

const payTo = (to: string): TransferRequest => alpha.request(alpha.honest(to), { to });
/** As small a payment as it says, with the rest of the coin as change. */
function testTo(to: string, amountSat = 20_000n): TransferRequest {
  const outputs = [
    { address: to, amountSat },
    { ...alpha.change(), amountSat: 99_000n - amountSat },
  ];
  const wish = { to, amount: amountSat.toString(), purpose: 'TEST_PAYMENT' as const };
  return alpha.request(alpha.forged(outputs), wish);
}
const asked = async (request: TransferRequest): Promise<string> => codeOf(await alpha.a.signTransfer(request));

describe('a signer whose orchestrator is hostile, asked for a destination', () => {
  it('does not pay it before it has cooled, by its own clock', async () => {
    expect(await asked(payTo(USABLE[0]))).toBe('accepted');
    await handOver(approval(COOLING));
    expect(await asked(payTo(COOLING))).toBe('destination.cooling');
    await delay(Math.max(0, soonSeenBy + SOON_S * 1_000 - Date.now()));
    expect(await asked(payTo(SOON_USABLE))).toBe('accepted');
  });

  it('does not take for cooled what was kept from it until the entry’s own date says so', async () => {
    const [withheldFrom, request] = [alpha.b, payTo(SOON_USABLE)];
    expect(codeOf(await withheldFrom.pushEntries(alpha.charter.entries))).toBe('accepted');
    expect(codeOf(await withheldFrom.signTransfer(request))).toBe('destination.cooling');
    expect(await asked(request)).toBe('accepted');
    expect(codeOf(await withheldFrom.signTransfer(payTo(USABLE[0])))).toBe('accepted');
  });

  it('takes no entry that is dated back so that it would have cooled', async () => {
    const datedBack = { enactedAt: instant(-2 * HOUR_S * 1000) };
    expect(await offered(approval(strangersAddress()), datedBack)).toBe('charter.enacted-in-past');
  });

  it('lets it be tried while it cools, with no more than the cap, and pays nothing else as a test', async () => {
    expect(await asked(testTo(COOLING))).toBe('accepted');
    expect(await asked(testTo(COOLING, 20_001n))).toBe('segregation.test-payment-over-cap');
    expect(await asked(testTo(strangersAddress()))).toBe('segregation.unknown-destination');
    expect(await asked(testTo(addressOf(alpha.firm.bitcoin.alpha)))).toBe('segregation.purpose-not-allowed');
    expect(await asked(testTo(addressOf(alpha.firm.bitcoin.house)))).toBe('segregation.pays-house');
    expect(await asked(testTo(addressOf(alpha.firm.bitcoin.beta)))).toBe('segregation.pays-other-client');
  });

  it('takes no payment for a test, nor what was approved as a test for a payment', async () => {
    const wish = { to: COOLING, purpose: 'TEST_PAYMENT' as const };
    expect(await asked(alpha.request(alpha.honest(COOLING), wish))).toBe('segregation.test-payment-over-cap');
    const test = testTo(USABLE[0]);
    const relabelled = { ...test, intent: { ...test.intent, purpose: 'PAYMENT' as const } };
    expect(await asked(relabelled)).toBe('approval.intent-mismatch');
  });

  it('pays and tries it no more once it is revoked, whoever approved before', async () => {
    const payee = USABLE[1];
    const [payment, test] = [payTo(payee), testTo(payee)];
    await handOver({ kind: 'destination.revoke', owner: 'alpha', chain: REGTEST, address: payee });
    expect(await asked(payment)).toBe('segregation.unknown-destination');
    expect(await asked(test)).toBe('segregation.unknown-destination');
    await handOver(approval(payee));
    expect(await asked(payTo(payee))).toBe('destination.cooling');
  });

  it('takes no entry that makes one of an address under management, and pays none', async () => {
    for (const wallet of [alpha.firm.bitcoin.house, alpha.firm.bitcoin.beta, alpha.firm.bitcoin.alpha])
      expect(await offered(approval(addressOf(wallet)))).toBe('charter.address-managed');
    for (const safe of [alpha.firm.safes.house, alpha.firm.safes.beta])
      expect(await offered(approval(safe.address))).toBe('charter.address-managed');
    expect(await offered(approval(alpha.firm.gasPayer.address))).toBe('charter.address-managed');
    expect(await asked(payTo(addressOf(alpha.firm.bitcoin.house)))).toBe('segregation.pays-house');
    expect(await asked(payTo(addressOf(alpha.firm.bitcoin.beta)))).toBe('segregation.pays-other-client');
  });

  it('takes no entry that makes an address under management of one: of the house, or of a wallet', async () => {
    const declared: Act = {
      kind: 'proprietary-address.declare',
      owner: 'house',
      chain: REGTEST,
      address: '',
      label: 'x',
    };
    expect(await offered({ ...declared, address: USABLE[0] })).toBe('charter.address-is-destination');
    const { address, publicKey } = newOwnerKey();
    await handOver(approval(address));
    const keys = [{ signer: 'signer-c', publicKey }];
    const wallet = { kind: 'gas-payer', id: 'another', owner: 'house', chain: ANVIL, keys, address } as const;
    expect(await offered({ kind: 'wallet.open', wallet })).toBe('charter.address-is-destination');
  });

  it('pays it for its own client only', async () => {
    expect(await asked(payTo(USABLE[2]))).toBe('segregation.unknown-destination');
  });
});

describe('a signer whose orchestrator is hostile, given an address that looks like a known one,', () => {
  const everybody = (): EntryOptions => {
    const { omar, oskar, carla } = alpha.charter.members;
    return { approvers: [omar, oskar, carla] };
  };

  it.each(['bitcoin', 'ethereum'] as const)('takes it from more people than another one: on %s', async (network) => {
    await handOver(approval(OUTSIDE[network]));
    expect(await offered(approval(LOOK_ALIKE[network]))).toBe('approval.quorum-not-met');
    expect(await offered(approval(LOOK_ALIKE[network], { owner: 'beta' }))).toBe('approval.quorum-not-met');
    await handOver(approval(LOOK_ALIKE[network]), everybody());
  });

  it('lets nobody make that quorum as small as the other', async () => {
    const { quorums } = alpha.charter.state;
    const quorum = quorums['destination.approve']!;
    expect(await offered({ kind: 'quorum.set', governed: 'destination.approve-look-alike', quorum })).toBe(
      'charter.below-floor',
    );
  });
});

describe('a signer that is given a proof of ownership', () => {
  const holder = outsideHolder('a holder');
  const account = new Wallet(`0x${'42'.repeat(32)}`);
  interface Said {
    readonly firm?: Digest;
    readonly owner?: string;
    readonly address?: string;
  }
  const bitcoinProof = ({ firm = alpha.charter.firm, owner = 'alpha', address = holder.address }: Said = {}) =>
    ({ kind: 'bip322', signature: holder.sign(ownershipMessage(firm, owner, REGTEST, address)) }) as const;
  const accountProof = ({ firm = alpha.charter.firm, owner = 'alpha', address = account.address }: Said = {}) =>
    ({ kind: 'eip191', signature: account.signMessageSync(ownershipMessage(firm, owner, ANVIL, address)) }) as const;

  it.each<[string, Said]>([
    ['to another firm', { firm: 'ab'.repeat(32) as Digest }],
    ['for another client', { owner: 'beta' }],
    ['of another address', { address: 'another' }],
  ])('that was given %s refuses the entry', async (_, said) => {
    expect(await offered(approval(holder.address, { proof: bitcoinProof(said) }))).toBe('address.ownership-unproven');
    expect(await offered(approval(account.address, { proof: accountProof(said) }))).toBe('address.ownership-unproven');
  });

  it('by the keys of another address refuses the entry', async () => {
    const elsewhere = strangersAddress();
    expect(await offered(approval(elsewhere, { proof: bitcoinProof({ address: elsewhere }) }))).toBe(
      'address.ownership-unproven',
    );
    const { address } = Wallet.createRandom();
    expect(await offered(approval(address, { proof: accountProof({ address }) }))).toBe('address.ownership-unproven');
  });

  it('in a form that can be bent refuses the entry', async () => {
    const { signature } = accountProof();
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const highS = (order - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, '0');
    const bent = `${signature.slice(0, 66)}${highS}${signature.endsWith('1b') ? '1c' : '1b'}`;
    expect(await offered(approval(account.address, { proof: { kind: 'eip191', signature: bent } }))).toBe(
      'address.ownership-unproven',
    );
  });

  it('takes one that holds', async () => {
    await handOver(approval(holder.address, { proof: bitcoinProof() }));
    await handOver(approval(account.address, { proof: accountProof() }));
    const proven = alpha.charter.state.destinations.map((owners) => owners.get('alpha')?.ownership);
    expect([...proven.values()].filter((ownership) => ownership === 'PROVEN')).toHaveLength(2);
  });
});
