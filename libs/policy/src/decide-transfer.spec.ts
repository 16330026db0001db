import { randomUUID } from 'node:crypto';
import { intentDigest, payloadDigest, REGTEST, type Digest, type Payload } from '@bulkhead/intent';
import { ANVIL, instant, say, type TransferWish } from '../../../test/support/charter-builder.js';
import {
  ALPHA_CHANGE,
  ALPHA_COIN,
  alphaPays,
  BTC,
  BTC_WISH,
  codeOf,
  decide,
  ETH,
  ETH_WISH,
  firm,
  firmWith,
  input,
  psbt,
  safePays,
  withTx,
} from '../../../test/support/usual-transfers.js';
import { addressAt, OUTSIDE, safeAddress, TOKEN } from '../../../test/support/wallets.js';
import { checkIntent, decideTransfer } from './decide-transfer.js';
import { NO_HISTORY } from './evidence.js';

const { olivia, omar, oskar, carla } = firm.members;

describe('a transfer that may be signed', () => {
  it('of bitcoin: says what is paid, what comes back, and which coins are used up', () => {
    const payload = alphaPays();
    const decision = decide(BTC_WISH, payload);
    if (!decision.ok) throw new Error(decision.refusal.code);
    const { owner, wallet, amount, payee, verdict, facts } = decision.value;
    expect([owner.id, wallet.id, amount, payee]).toEqual(['alpha', 'alpha-btc', 60_000n, OUTSIDE.bitcoin]);
    expect(decision.value.payloadDigest).toBe(payloadDigest(payload));
    expect(facts.fee).toEqual({ asset: BTC, amount: 1_000n });
    expect(verdict.payments).toEqual([{ address: OUTSIDE.bitcoin, asset: BTC, amount: 60_000n, kind: 'TRANSFER' }]);
    expect(verdict.change).toEqual([{ address: ALPHA_CHANGE, asset: BTC, amount: 39_000n, kind: 'TRANSFER' }]);
    expect(verdict.resources).toEqual([`${REGTEST}/coin:${ALPHA_COIN.coin.txid}:0`]);
  });

  it('of ether and of a token: uses up the Safe’s nonce', () => {
    const ether = decide(ETH_WISH, safePays(OUTSIDE.ethereum));
    const safe = safeAddress(firm, 'alpha-safe').toLowerCase();
    expect(ether.ok && ether.value.verdict.resources).toEqual([`${ANVIL}/safe:${safe}:0`]);
    const token = decide({ ...ETH_WISH, asset: TOKEN }, safePays(OUTSIDE.ethereum, TOKEN));
    expect(token.ok && token.value.verdict.payments).toEqual([
      { address: OUTSIDE.ethereum, asset: TOKEN, amount: 5n, kind: 'TRANSFER' },
    ]);
  });

  it('may name its payee in any spelling of the one address', () => {
    for (const to of [OUTSIDE.bitcoin.toUpperCase()]) expect(codeOf({ ...BTC_WISH, to }, alphaPays())).toBe('accepted');
    for (const to of [OUTSIDE.ethereum.toLowerCase(), `0x${OUTSIDE.ethereum.slice(2).toUpperCase()}`]) {
      expect(codeOf({ ...ETH_WISH, to }, safePays(OUTSIDE.ethereum))).toBe('accepted');
      expect(codeOf(ETH_WISH, withTx({ to }))).toBe('accepted');
    }
  });

  it('goes to another wallet of the same client without being a destination', () => {
    const own = addressAt(firm, 'alpha-btc', 0, 1);
    expect(codeOf({ ...BTC_WISH, to: own }, alphaPays(own))).toBe('accepted');
  });

  it('is a fee invoice of the house, up to its cap', () => {
    const house = addressAt(firm, 'house-btc', 0);
    const invoice: TransferWish = { ...BTC_WISH, to: house, purpose: 'FEE_INVOICE' };
    expect(codeOf(invoice, alphaPays(house))).toBe('accepted');
    const dear = psbt([input('alpha-btc', 0, 2_000_000n)], [house, 1_000_001n], [ALPHA_CHANGE, 998_000n]);
    expect(codeOf({ ...invoice, amount: '1000001' }, dear)).toBe('segregation.pays-house');
    const safe = safeAddress(firm, 'house-safe');
    const unpriced = { ...ETH_WISH, asset: TOKEN, to: safe, purpose: 'FEE_INVOICE' as const };
    expect(codeOf(unpriced, safePays(safe, TOKEN))).toBe('segregation.pays-house');
  });

  it('is restitution by the house, under that name only', () => {
    const alpha = addressAt(firm, 'alpha-btc', 0);
    const payload = psbt([input('house-btc')], [alpha, 60_000n], [addressAt(firm, 'house-btc', 1), 39_000n]);
    const wish: TransferWish = { ...BTC_WISH, owner: 'house', wallet: 'house-btc', to: alpha };
    expect(codeOf({ ...wish, purpose: 'RESTITUTION' }, payload)).toBe('accepted');
    expect(codeOf(wish, payload)).toBe('segregation.house-pays-client');
    expect(codeOf({ ...wish, purpose: 'FEE_INVOICE' }, payload)).toBe('segregation.house-pays-client');
  });
});

describe('bytes that are not what the intent says', () => {
  it.each<[string, TransferWish, Payload]>([
    ['transfer.payload-differs', { ...BTC_WISH, amount: '60001' }, alphaPays()],
    ['transfer.payload-differs', { ...ETH_WISH, amount: '6' }, safePays(OUTSIDE.ethereum)],
    ['transfer.payload-differs', ETH_WISH, safePays(OUTSIDE.ethereum, TOKEN)],
    ['transfer.payload-differs', { ...ETH_WISH, asset: TOKEN }, safePays(OUTSIDE.ethereum)],
    ['transfer.payload-differs', BTC_WISH, safePays(OUTSIDE.ethereum)],
    ['transfer.payload-differs', ETH_WISH, alphaPays()],
    ['transfer.payload-differs', ETH_WISH, { ...safePays(OUTSIDE.ethereum), chain: 'eip155:1' }],
    ['transfer.payload-differs', BTC_WISH, { ...alphaPays(), chain: 'bip122:000000000019d6689c085ae165831e93' }],
    ['segregation.nothing-paid', BTC_WISH, psbt([ALPHA_COIN], [ALPHA_CHANGE, 99_000n])],
    ['transfer.payload-differs', BTC_WISH, psbt([ALPHA_COIN], [OUTSIDE.bitcoin, 60_000n], [OUTSIDE.bitcoin, 39_000n])],
    ['bitcoin.psbt-malformed', BTC_WISH, { kind: 'psbt', chain: REGTEST, psbt: 'cHNidP8B' }],
  ])('are refused with %s (%#)', (code, wish, payload) => {
    expect(codeOf(wish, payload)).toBe(code);
  });
});

describe('an intent that does not stand on its own', () => {
  it.each<[string, Partial<TransferWish>]>([
    ['intent.wrong-firm', { firm: 'ab'.repeat(32) as Digest }],
    ['intent.expired', { expiresAt: instant(-1000) }],
    ['charter.unknown-owner', { owner: 'ghost' }],
    ['charter.unknown-wallet', { wallet: 'ghost' }],
    ['charter.unknown-wallet', { wallet: 'beta-btc' }],
    ['charter.unknown-wallet', { owner: 'house', wallet: 'house-gas', asset: ETH }],
    ['asset.unknown', { asset: ETH }],
    ['asset.unknown', { asset: `${ANVIL}/erc20:0x${'ee'.repeat(20)}` }],
    ['asset.unknown', { asset: 'bip122:000000000019d6689c085ae165831e93/slip44:0' }],
    ['amount.not-positive', { amount: '0' }],
    ['amount.not-positive', { amount: '-60000' }],
    ['amount.malformed', { amount: '60000.0' }],
    ['amount.too-large', { amount: `1${'0'.repeat(40)}` }],
    ['amount.malformed', { maxFee: '1e3' }],
    ['amount.malformed', { maxFee: '' }],
    ['address.wrong-network', { to: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' }],
    ['address.bad-checksum', { to: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt08q' }],
    ['address.malformed', { to: OUTSIDE.ethereum }],
    ['approval.unknown-member', { initiator: 'mallory' }],
    ['approval.malformed', { initiator: 'omar' }],
  ])('is refused with %s (%#)', (code, changes) => {
    const wish: TransferWish = { ...BTC_WISH, ...changes };
    const intent = firm.transferIntent(wish);
    const digest = intentDigest(intent);
    const terms = { firm: firm.firm, intent: digest, payload: digest, charterSequence: 0 };
    const proposal =
      intent.initiator === 'mallory'
        ? {
            ...say(olivia, 'PROPOSE', terms),
            statement: { ...say(olivia, 'PROPOSE', terms).statement, member: 'mallory' },
          }
        : say(olivia, 'PROPOSE', terms);
    const checked = checkIntent(firm.state, intent, proposal, instant());
    expect(checked.ok ? 'accepted' : checked.refusal.code).toBe(code);
    const decided = decideTransfer(
      firm.state,
      { intent, proposal, payload: alphaPays(), approvals: [], attestations: [] },
      instant(),
      NO_HISTORY,
    );
    expect(decided.ok ? 'accepted' : decided.refusal.code).toBe(code);
  });

  it('has a quorum of its own for its purpose, or none at all', () => {
    const all = Object.entries(firm.state.genesis.quorums);
    const quorums = Object.fromEntries(all.filter(([governed]) => governed !== 'transfer.PAYMENT'));
    const other = firmWith({ quorums });
    expect(codeOf(ETH_WISH, safePays(OUTSIDE.ethereum), {}, other)).toBe('segregation.purpose-not-allowed');
  });
});

describe('fees', () => {
  it('stay under the lower of the intent’s cap and the firm’s', () => {
    const paying = (fee: bigint) => alphaPays(OUTSIDE.bitcoin, ALPHA_CHANGE, fee);
    expect(codeOf({ ...BTC_WISH, maxFee: '1000' }, paying(1_000n))).toBe('accepted');
    expect(codeOf({ ...BTC_WISH, maxFee: '1000' }, paying(1_001n))).toBe('segregation.fee-over-cap');
    const limits = { ...firm.state.genesis.limits, maxFeeSat: '1500' };
    const thrifty = firmWith({ limits });
    expect(codeOf({ ...BTC_WISH, maxFee: '5000' }, paying(1_500n), {}, thrifty)).toBe('accepted');
    expect(codeOf({ ...BTC_WISH, maxFee: '5000' }, paying(1_501n), {}, thrifty)).toBe('segregation.fee-over-cap');
    const slow = firmWith({ limits: { ...firm.state.genesis.limits, maxFeeRateSatVb: 1 } });
    expect(codeOf(BTC_WISH, paying(1_000n), {}, slow)).toBe('bitcoin.fee-rate');
  });

  it('are never less than nothing', () => {
    const payload = psbt([ALPHA_COIN], [OUTSIDE.bitcoin, 60_000n], [ALPHA_CHANGE, 40_001n]);
    expect(codeOf(BTC_WISH, payload)).toBe('segregation.fee-negative');
  });
});

describe('approvals', () => {
  it('bind to the exact bytes: a fee changed afterwards voids them', () => {
    const dearer = alphaPays(OUTSIDE.bitcoin, ALPHA_CHANGE, 1_001n);
    expect(codeOf(BTC_WISH, dearer, { approvedPayload: alphaPays() })).toBe('approval.payload-mismatch');
    const later = withTx({ nonce: '1' });
    expect(codeOf(ETH_WISH, later, { approvedPayload: withTx({}) })).toBe('approval.payload-mismatch');
    // the same account in another spelling is other bytes
    const lower = withTx({ to: OUTSIDE.ethereum.toLowerCase() });
    expect(codeOf(ETH_WISH, lower, { approvedPayload: withTx({}) })).toBe('approval.payload-mismatch');
  });

  it.each([
    ['approval.duplicate', [omar, omar, carla]],
    ['approval.initiator', [olivia, carla]],
    ['approval.initiator', [omar, carla, olivia]],
    ['approval.quorum-not-met', []],
    ['approval.quorum-not-met', [omar]],
    ['approval.quorum-not-met', [omar, oskar]],
  ])('are refused with %s (%#)', (code, approvers) => {
    expect(codeOf(BTC_WISH, alphaPays(), { approvers })).toBe(code);
    expect(codeOf(ETH_WISH, safePays(OUTSIDE.ethereum), { approvers })).toBe(code);
  });

  it('end with a rejection', () => {
    const request = firm.transferRequest(BTC_WISH, alphaPays());
    const rejection = say(oskar, 'REJECT', request.approvals[0]!.statement);
    const decision = decideTransfer(
      firm.state,
      { ...request, approvals: [...request.approvals, rejection] },
      instant(),
      NO_HISTORY,
    );
    expect(decision.ok ? 'accepted' : decision.refusal.code).toBe('approval.rejected');
  });

  it('of an intent that was changed afterwards are void', () => {
    const request = firm.transferRequest(BTC_WISH, alphaPays());
    for (const changes of [{ memo: 'other' }, { amount: '60001' }, { id: randomUUID() }, { maxFee: '60000' }]) {
      const intent = { ...request.intent, ...changes };
      const decision = decideTransfer(firm.state, { ...request, intent }, instant(), NO_HISTORY);
      expect(decision.ok ? 'accepted' : decision.refusal.code).toBe('approval.intent-mismatch');
    }
  });

  it('given under a later charter than the signer has are refused, under an earlier one not', () => {
    const ahead = firmWith();
    const request = ahead.transferRequest(ETH_WISH, safePays(OUTSIDE.ethereum));
    ahead.append({ kind: 'house.open', owner: { id: 'desk', name: 'Desk' } });
    const decision = decideTransfer(ahead.state, request, instant(), NO_HISTORY);
    expect(decision.ok ? 'accepted' : decision.refusal.code).toBe('accepted');
    const before = firmWith();
    const early = before.state;
    before.append({ kind: 'house.open', owner: { id: 'desk', name: 'Desk' } });
    const late = before.transferRequest(ETH_WISH, safePays(OUTSIDE.ethereum));
    const behind = decideTransfer(early, late, instant(), NO_HISTORY);
    expect(behind.ok ? 'accepted' : behind.refusal.code).toBe('approval.charter-mismatch');
  });
});
