import { Signature, Wallet } from 'ethers';
import fc from 'fast-check';
import { verifyPersonalMessage } from './ownership.js';

// the example of the web3.js documentation for accounts.sign
const PUBLISHED = {
  message: 'Some data',
  address: '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23',
  signature:
    '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c',
};
const codeOf = (message: string, address: string, signature: string): string => {
  const result = verifyPersonalMessage(message, address, signature);
  return result.ok ? 'accepted' : result.refusal.code;
};
const UNPROVEN = 'address.ownership-unproven';

describe('a personal message (EIP-191)', () => {
  it('is by the account whose key signed it, in any spelling of its address', () => {
    const { message, address, signature } = PUBLISHED;
    expect(codeOf(message, address, signature)).toBe('accepted');
    expect(codeOf(message, address.toLowerCase(), signature)).toBe('accepted');
  });

  it('is what another implementation signs, for any key and text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string({ unit: 'grapheme' }), (secret, text) => {
        fc.pre(secret.some((byte) => byte !== 0) && secret.some((byte) => byte !== 0xff));
        const wallet = new Wallet(`0x${Buffer.from(secret).toString('hex')}`);
        const signature = wallet.signMessageSync(text);
        expect(codeOf(text, wallet.address, signature)).toBe('accepted');
        expect(codeOf(`${text} `, wallet.address, signature)).toBe(UNPROVEN);
      }),
      { numRuns: 30 },
    );
  });

  it('proves nothing of another account, text or byte', () => {
    const { message, address, signature } = PUBLISHED;
    expect(codeOf(message, '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', signature)).toBe(UNPROVEN);
    expect(codeOf('some data', address, signature)).toBe(UNPROVEN);
    fc.assert(
      fc.property(fc.nat(519), (bit) => {
        const bytes = Buffer.from(signature.slice(2), 'hex');
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(codeOf(message, address, `0x${bytes.toString('hex')}`)).toBe(UNPROVEN);
      }),
    );
  });

  it('has one form only: low s, v of 27 or 28, 65 bytes', () => {
    const { message, address, signature } = PUBLISHED;
    const { r, s, yParity, compactSerialized } = Signature.from(signature);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const highS = (order - BigInt(s)).toString(16).padStart(64, '0');
    const malleable = `${r}${highS}${yParity === 0 ? '1c' : '1b'}`;
    for (const other of [malleable, compactSerialized, `${signature.slice(0, -2)}01`, `${signature}00`, '0x', ''])
      expect(codeOf(message, address, other)).toBe(UNPROVEN);
  });
});
