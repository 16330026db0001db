import { keysMade } from './holders.js';
import type { SignedStep } from './transcript.js';

const step = (id: string, facts: Record<string, string>) => ({ id, facts }) as unknown as SignedStep;

describe('the keys that were made at a ceremony', () => {
  it('are those of the steps that made keys, each with its signer and wallet', () => {
    const signed = [
      step('token:signer-a', { 'serial key': 'no key' }),
      step('keys:signer-a', { 'house-btc key': '02aa', 'house-btc attributes': 'sensitive', 'alpha-btc key': '02bb' }),
      step('keys:signer-b', { 'house-btc key': '02cc', 'house-btc signature': '00' }),
    ];
    expect(keysMade({ signed })).toEqual([
      { signer: 'signer-a', wallet: 'house-btc', publicKey: '02aa' },
      { signer: 'signer-a', wallet: 'alpha-btc', publicKey: '02bb' },
      { signer: 'signer-b', wallet: 'house-btc', publicKey: '02cc' },
    ]);
  });
});
