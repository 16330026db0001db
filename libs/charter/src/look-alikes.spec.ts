import { REGTEST, type ChainId } from '@bulkhead/intent';
import fc from 'fast-check';
import { Map as ImmutableMap } from 'immutable';
import { ANVIL } from '../../../test/support/charter-builder.js';
import { LOOK_ALIKE, OUTSIDE } from '../../../test/support/wallets.js';
import { addShapes, lookAlike, type Shapes } from './look-alikes.js';

const NONE: Shapes = ImmutableMap();
const knowing = (chain: ChainId, ...addresses: string[]): Shapes => addShapes(NONE, chain, addresses);

describe('an address that could be mistaken for a known one', () => {
  it.each([
    ['a P2WPKH address', REGTEST, OUTSIDE.bitcoin, LOOK_ALIKE.bitcoin],
    ['an account', ANVIL, OUTSIDE.ethereum, LOOK_ALIKE.ethereum],
    ['an account, in lower case', ANVIL, OUTSIDE.ethereum, LOOK_ALIKE.ethereum.toLowerCase()],
    ['a Taproot address for a P2WPKH one', REGTEST, 'bcrt1qaaaa0000zzzz', 'bcrt1paaaa11111111zzzz'],
    ['P2SH for P2PKH, whatever the case', REGTEST, 'maBcD0000wXyZ', '2AbCd1111WxYz'],
  ])('begins and ends alike: %s', (_, chain, known, other) => {
    expect(lookAlike(knowing(chain, known), chain, other)).toBe(known);
    expect(lookAlike(knowing(chain, other), chain, known)).toBe(other);
  });

  it('is another one: not the same again, however it is spelt', () => {
    const shapes = knowing(ANVIL, OUTSIDE.ethereum);
    expect(lookAlike(shapes, ANVIL, OUTSIDE.ethereum)).toBeNull();
    expect(lookAlike(shapes, ANVIL, OUTSIDE.ethereum.toLowerCase())).toBeNull();
    expect(lookAlike(shapes, ANVIL, OUTSIDE.otherEthereum)).toBeNull();
  });

  it('is on the same chain', () => {
    expect(lookAlike(knowing('eip155:1', OUTSIDE.ethereum), ANVIL, LOOK_ALIKE.ethereum)).toBeNull();
  });

  it('is also the known one, once there are two of them', () => {
    const shapes = knowing(ANVIL, OUTSIDE.ethereum, OUTSIDE.ethereum, LOOK_ALIKE.ethereum);
    expect(lookAlike(shapes, ANVIL, OUTSIDE.ethereum)).toBe(LOOK_ALIKE.ethereum);
    expect(lookAlike(shapes, ANVIL, LOOK_ALIKE.ethereum)).toBe(OUTSIDE.ethereum);
  });

  it('is found exactly when some other known address has its first and last four characters', () => {
    const address = fc
      .array(fc.constantFrom('a', 'b'), { minLength: 10, maxLength: 12 })
      .map((characters) => `0x${characters.join('')}`);
    fc.assert(
      fc.property(fc.array(address, { maxLength: 40 }), address, (known, asked) => {
        const ends = (one: string) => one.slice(2, 6) + one.slice(-4);
        const expected = known.some((one) => one !== asked && ends(one) === ends(asked));
        const found = lookAlike(knowing(ANVIL, ...known), ANVIL, asked);
        expect(found !== null).toBe(expected);
        if (found !== null) expect(known).toContain(found);
      }),
    );
  });
});
