import { schnorr_FROST as frost } from '@noble/curves/secp256k1.js';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { ANVIL } from '../../../test/support/charter-builder.js';
import { bitcoinWallet, usualFirm } from '../../../test/support/wallets.js';
import { mpcAddress, mpcWalletSchema, taprootSpec, type MpcWallet } from './mpc-wallet.js';

/** Verifying shares of a group of three as a dealer of the library gives them. */
function shares(): { signer: string; publicKey: string }[] {
  const { verifyingShares } = frost.trustedDealer({ min: 2, max: 3 }).public;
  return ['signer-a', 'signer-b', 'signer-c'].map((signer, place) => ({
    signer,
    publicKey: Buffer.from(verifyingShares[frost.Identifier.fromNumber(place + 1)] ?? '').toString('hex'),
  }));
}

function wallet(changes: Partial<MpcWallet> = {}): MpcWallet {
  const terms = { chain: REGTEST, threshold: 2, keys: shares(), ...changes };
  return {
    kind: 'taproot-mpc',
    id: 'alpha-tap',
    owner: 'alpha',
    address: orThrow(mpcAddress(terms)),
    ...terms,
    ...changes,
  };
}

describe('an MPC wallet in the charter', () => {
  const open = (opened: MpcWallet) => () => usualFirm().append({ kind: 'wallet.open', wallet: opened });

  it('is opened at the address that follows from its members’ shares, which takes its change', () => {
    const opened = wallet();
    const firm = usualFirm();
    firm.append({ kind: 'wallet.open', wallet: opened });
    const managed = firm.state.addresses.get(`${REGTEST}:${opened.address}`);
    expect(managed).toMatchObject({ owner: 'alpha', estate: 'CLIENT', wallet: 'alpha-tap', branch: 1 });
    expect(opened.address.startsWith('bcrt1p')).toBe(true);
    expect(taprootSpec(opened).outputKey).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is not opened at another address, with a foreign share, on another chain, or by strangers', () => {
    const sound = wallet();
    const [a, b, c] = sound.keys;
    const [, , stranger] = shares();
    expect(open({ ...sound, address: wallet().address })).toThrow('charter.address-mismatch');
    expect(open({ ...sound, keys: [a!, b!, stranger!] })).toThrow('bitcoin.wallet-malformed');
    expect(open({ ...sound, threshold: 3 })).toThrow('bitcoin.wallet-malformed');
    expect(open({ ...sound, chain: ANVIL })).toThrow('charter.malformed');
    expect(open({ ...sound, keys: [a!, b!, { ...c!, signer: 'signer-z' }] })).toThrow('charter.unknown-signer');
  });

  it('names its members in the one order that their shares have', () => {
    const { keys, ...sound } = wallet();
    expect(mpcWalletSchema.safeParse({ ...sound, keys }).success).toBe(true);
    expect(mpcWalletSchema.safeParse({ ...sound, keys: [...keys].reverse() }).success).toBe(false);
    expect(mpcWalletSchema.safeParse({ ...sound, keys: [keys[0], keys[0], keys[1]] }).success).toBe(false);
  });

  it('shares no key with another wallet', () => {
    const firm = usualFirm();
    const opened = wallet();
    firm.append({ kind: 'wallet.open', wallet: opened });
    const thief = bitcoinWallet('alpha-btc-2', 'alpha', { keys: opened.keys });
    expect(() => firm.append({ kind: 'wallet.open', wallet: thief })).toThrow('charter.public-key-reused');
  });
});
