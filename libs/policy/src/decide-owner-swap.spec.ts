import { permittedSwap } from '@bulkhead/charter';
import { buildOwnerSwap, SENTINEL_OWNER, type OwnerSwap } from '@bulkhead/ethereum';
import { etherAsset, orThrow, OWNER_SWAP, type Payload, type SafeTx } from '@bulkhead/intent';
import fc from 'fast-check';
import { ANVIL, type TransferOptions, type TransferWish } from '../../../test/support/charter-builder.js';
import { ending, firmOfFive, replacement, safeOf } from '../../../test/support/key-replacements.js';
import { OUTSIDE } from '../../../test/support/wallets.js';
import { decideTransfer } from './decide-transfer.js';
import { NO_HISTORY } from './evidence.js';

const firm = firmOfFive();
firm.append(replacement('signer-b', 'signer-d'));
const safe = safeOf(firm.state);
const permitted = orThrow(permittedSwap(firm.state, safe));
const now = () => new Date().toISOString();

const bytes = (over: Partial<SafeTx> = {}, swap: OwnerSwap = permitted, of = safe.address) =>
  ({ kind: 'safe-tx', chain: ANVIL, safe: of, tx: { ...buildOwnerSwap(of, swap, 7n), ...over } }) as const;
const decide = (payload: Payload, over: Partial<TransferWish> = {}, options: TransferOptions = {}, of = firm) => {
  const itself = { asset: etherAsset(ANVIL), to: safe.address, amount: '0', maxFee: '0', purpose: OWNER_SWAP } as const;
  const wish = { owner: 'alpha', wallet: 'alpha-safe', ...itself, ...over };
  return decideTransfer(of.state, of.transferRequest(wish, payload, options), now(), NO_HISTORY);
};
const codeOf = (...asked: Parameters<typeof decide>): string => {
  const decided = decide(...asked);
  return decided.ok ? 'accepted' : decided.refusal.code;
};

describe('whether an owner swap may be signed', () => {
  it('is yes for the one that the charter permits: it pays nobody and uses up the Safe’s nonce', () => {
    expect(orThrow(decide(bytes()))).toMatchObject({
      amount: 0n,
      facts: { outputs: [], call: { arguments: [permitted.previous, permitted.retiring, permitted.incoming] } },
      verdict: { payments: [], change: [], resources: [`${ANVIL}/safe:${safe.address.toLowerCase()}:7`] },
      policies: { permits: [], quorums: ['transfer.OWNER_SWAP'] },
    });
  });

  it('is no for every other owner before, going or coming', () => {
    const owner = fc.constantFrom(
      permitted.previous,
      permitted.retiring,
      permitted.incoming,
      SENTINEL_OWNER,
      OUTSIDE.ethereum,
      safeOf(firm.state, 'beta-safe').address,
    );
    fc.assert(
      fc.property(owner, owner, owner, (previous, retiring, incoming) => {
        const swap = { previous, retiring, incoming };
        const same = Object.entries(swap).every(([part, address]) => permitted[part as keyof OwnerSwap] === address);
        expect(codeOf(bytes({}, swap))).toBe(same ? 'accepted' : 'transfer.payload-differs');
      }),
      { numRuns: 60 },
    );
  });

  it.each<[string, Parameters<typeof decide>, string]>([
    ['of another Safe', [bytes({}, permitted, safeOf(firm.state, 'beta-safe').address)], 'transfer.payload-differs'],
    ['as a payment', [bytes(), { purpose: 'PAYMENT', to: OUTSIDE.ethereum, amount: '1' }], 'ethereum.calls-itself'],
    ['with an amount', [bytes(), { amount: '1' }], 'transfer.payload-differs'],
    ['with a fee', [bytes(), { maxFee: '1' }], 'transfer.payload-differs'],
    ['to somebody', [bytes(), { to: OUTSIDE.ethereum }], 'transfer.payload-differs'],
    [
      'of a Bitcoin wallet',
      [bytes(), { wallet: 'alpha-btc', asset: 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0' }],
      'segregation.purpose-not-allowed',
    ],
    [
      'of a Safe without a key to be replaced',
      [bytes(), { owner: 'beta', wallet: 'beta-safe' }],
      'charter.no-replacement',
    ],
    ['by another owner’s intent', [bytes(), { owner: 'beta' }], 'charter.unknown-wallet'],
    ['with a call that is no swap', [bytes({ data: '0x694e80c3'.padEnd(74, '0') })], 'ethereum.call-undecodable'],
    ['without its quorum', [bytes(), {}, { approvers: [firm.members.omar] }], 'approval.quorum-not-met'],
    [
      'whose bytes others approved',
      [bytes(), {}, { approvedPayload: bytes({ nonce: '8' }) }],
      'approval.payload-mismatch',
    ],
  ])('is no %s', (_, asked, code) => {
    expect(codeOf(...asked)).toBe(code);
  });

  it('is no while anything that it touches is frozen, without a quorum in the charter, and once it is done', () => {
    const frozen = firmOfFive();
    frozen.append(replacement('signer-b', 'signer-d'));
    frozen.append({ kind: 'freeze', scope: { of: 'wallet', wallet: 'alpha-safe' }, reason: 'test' });
    expect(codeOf(bytes(), {}, {}, frozen)).toBe('charter.frozen');
    const named = Object.entries(firm.state.genesis.quorums);
    const quorums = Object.fromEntries(named.filter(([name]) => name !== `transfer.${OWNER_SWAP}`));
    const without = firmOfFive({ quorums });
    without.append(replacement('signer-b', 'signer-d'));
    expect(codeOf(bytes(), {}, {}, without)).toBe('segregation.purpose-not-allowed');
    const done = firmOfFive();
    done.append(replacement('signer-b', 'signer-d'));
    done.append(ending(done.state));
    expect(codeOf(bytes(), {}, {}, done)).toBe('charter.no-replacement');
  });

  it('is not for policies to say: one that forbids everything is not asked', () => {
    const id = 'forbid-all';
    const text = 'forbid (principal, action, resource);';
    const strict = firmOfFive({ policies: [{ id, text }] });
    strict.append(replacement('signer-b', 'signer-d'));
    expect(codeOf(bytes(), {}, {}, strict)).toBe('accepted');
  });
});
