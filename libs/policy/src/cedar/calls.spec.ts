import { tokenOfAsset, type Payload, type SafeTx } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { getAddress } from 'ethers/address';
import { solidityPacked } from 'ethers/hash';
import { concat, dataLength } from 'ethers/utils';
import { decide, ETH_WISH, firmWith, safePays, withTx } from '../../../../test/support/usual-transfers.js';
import { TOKEN } from '../../../../test/support/wallets.js';
import { CANONICAL } from '../../../ethereum/test/canonical-contracts.js';

const MULTI_SEND = new Interface(['function multiSend(bytes transactions)']);
const { to } = ETH_WISH;
/** The token's contract, EIP-55. */
const CONTRACT = getAddress(tokenOfAsset(TOKEN) ?? '');

const tokens = (amount = 5n): Payload => safePays(to, TOKEN, amount);
const batchOf = (...payloads: readonly Payload[]): Payload => {
  const entries = payloads.map((payload) => {
    const { tx } = payload as { readonly tx: SafeTx };
    const sizes = [0, tx.to, tx.value, dataLength(tx.data), tx.data];
    return solidityPacked(['uint8', 'address', 'uint256', 'uint256', 'bytes'], sizes);
  });
  const data = MULTI_SEND.encodeFunctionData('multiSend', [concat(entries)]);
  return withTx({ to: CANONICAL.multiSendCallOnly.address, value: '0', operation: 1, data });
};
/** What is decided on a payload where a policy forbids a condition: the forbid, or else. */
function decided(payload: Payload, condition: string, amount = 5n): string {
  const firm = firmWith();
  const text = `forbid (principal, action == Action::"transfer", resource) when { ${condition} };`;
  firm.append({ kind: 'policy.set', id: 'stop', text, owner: null, wallet: null });
  const decision = decide({ ...ETH_WISH, asset: TOKEN, amount: amount.toString() }, payload, {}, firm);
  if (decision.ok) return 'accepted';
  return decision.refusal.facts['policies'] ?? decision.refusal.code;
}

describe('of a call, policies see', () => {
  it.each([
    ['the selector', 'context.call.selector == "0xa9059cbb"'],
    ['the contract', `context.call.contract == "${CONTRACT}"`],
    ['the arguments', `context.call.arguments == ["${to}", "5"]`],
  ])('%s, whether it is wrapped in a batch or not', (_name, condition) => {
    expect(decided(tokens(), condition)).toBe('stop');
    expect(decided(batchOf(tokens()), condition)).toBe('stop');
    const other = condition.replace(/"0xa9059cbb"|"5"/, '"6"').replace(CONTRACT, to);
    expect(decided(batchOf(tokens()), other)).toBe('accepted');
  });

  it('every one, since a batch of more than one is no transfer', () => {
    const toItself = safePays((tokens() as { readonly safe: string }).safe, TOKEN, 1n);
    for (const [batch, code] of [
      [batchOf(tokens(), tokens()), 'transfer.payload-differs'],
      [batchOf(tokens(), safePays(to)), 'transfer.payload-differs'],
      [batchOf(toItself, tokens()), 'segregation.change-not-own'],
      [batchOf(tokens(), toItself), 'segregation.change-not-own'],
    ] as const)
      expect(decided(batch, 'context.feeRateSatVb > 5')).toBe(code);
  });
});
