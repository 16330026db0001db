import { schnorr_FROST as frost, schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import { digestSchema, orThrow, REGTEST, type Digest } from '@bulkhead/intent';
import type { CharterBuilder } from '../../../test/support/charter-builder.js';
import { usualFirm } from '../../../test/support/wallets.js';
import { mpcAddress } from './mpc-wallet.js';
import { shareProofDigest } from './mpc-resharing.js';

const { Fn } = secp256k1.Point;
type Polynomial = readonly bigint[];

/** Shares of one secret: what lies at 1, 2, 3, … of a polynomial that is the secret at 0. */
const randomScalar = (): bigint => Fn.fromBytes(frost.utils.randomScalar());
const shareAt = (polynomial: Polynomial, at: number): bigint =>
  polynomial.reduceRight((sum, coefficient) => Fn.add(Fn.mul(sum, BigInt(at)), coefficient), 0n);
const pointOf = (scalar: bigint): string => secp256k1.Point.BASE.multiply(scalar).toHex(true);

const SECRET = randomScalar();
const dealt = (threshold: number, secret = SECRET): Polynomial => [
  secret,
  ...Array.from({ length: threshold - 1 }, randomScalar),
];
const keysOf = (polynomial: Polynomial, members: readonly string[]) =>
  members.map((signer, place) => ({ signer, publicKey: pointOf(shareAt(polynomial, place + 1)) }));

const OLD = ['signer-a', 'signer-b', 'signer-c'];
const NEW = ['signer-b', 'signer-c', 'signer-d'];
const spare = { id: 'signer-d', tlsFingerprint: 'dd'.repeat(32), tokenSerial: 'dddd' };

function firmWithMpc(): CharterBuilder {
  const firm = usualFirm();
  const terms = { chain: REGTEST, threshold: 2, keys: keysOf(dealt(2), OLD) };
  const wallet = { kind: 'taproot-mpc', id: 'alpha-tap', owner: 'alpha', ...terms } as const;
  firm.append({ kind: 'wallet.open', wallet: { ...wallet, address: orThrow(mpcAddress(terms)) } });
  firm.append({ kind: 'signer.enrol', signer: spare });
  return firm;
}

const permit = (firm: CharterBuilder, members = NEW, threshold = 2) =>
  firm.append({ kind: 'mpc-wallet.reshare', wallet: 'alpha-tap', members, threshold });

interface Dealt {
  readonly members?: readonly string[];
  readonly threshold?: number;
  readonly polynomial?: Polynomial;
  readonly permit?: number;
  readonly firm?: Digest;
  /** Whose shares are proven by another secret. */
  readonly strangers?: readonly string[];
}

/** The act that a resharing leads to, as sound as it is told to be. */
function switching(firm: CharterBuilder, told: Dealt = {}) {
  const { members = NEW, threshold = 2, strangers = [] } = told;
  const polynomial = told.polynomial ?? dealt(threshold);
  const keys = keysOf(polynomial, members);
  const subject = { firm: told.firm ?? firm.firm, wallet: 'alpha-tap', permit: told.permit ?? 1, threshold, keys };
  const digest = Buffer.from(shareProofDigest(subject), 'hex');
  const proven = keys.map((key, place) => {
    const share = strangers.includes(key.signer) ? randomScalar() : shareAt(polynomial, place + 1);
    return { ...key, proof: Buffer.from(schnorr.sign(digest, Fn.toBytes(share))).toString('hex') };
  });
  return { kind: 'mpc-wallet.switch', wallet: 'alpha-tap', keys: proven } as const;
}

describe('a resharing in the charter', () => {
  it('moves the wallet to the members that were permitted, at the same address', () => {
    const firm = firmWithMpc();
    const before = firm.state.wallets.get('alpha-tap');
    permit(firm);
    expect(firm.state.wallets.get('alpha-tap')).toEqual(before);
    const act = switching(firm);
    firm.append(act);
    const keys = act.keys.map(({ signer, publicKey }) => ({ signer, publicKey }));
    expect(firm.state.wallets.get('alpha-tap')).toEqual({ ...before, keys });
    // what the holders of before agreed to still counts against limits
    expect(firm.state.formerKeys.get('alpha-tap')).toMatchObject([{ keys: before?.keys, threshold: 2 }]);
    // one permit is for one switch
    expect(() => firm.append(switching(firm))).toThrow('charter.act-not-allowed');
  });

  it('goes to another threshold too, and back again with shares that are new', () => {
    const firm = firmWithMpc();
    const polynomial = dealt(3);
    permit(firm, NEW, 3);
    expect(() => firm.append(switching(firm))).toThrow('bitcoin.wallet-malformed');
    firm.append(switching(firm, { threshold: 3, polynomial }));
    expect(firm.state.wallets.get('alpha-tap')).toMatchObject({ threshold: 3 });
    permit(firm, OLD, 3);
    const again = switching(firm, { members: OLD, threshold: 3, polynomial, permit: 2 });
    expect(() => firm.append(again)).toThrow('charter.public-key-reused');
    firm.append(switching(firm, { members: OLD, threshold: 3, permit: 2 }));
  });

  it('is permitted to signers in service only, and not to those who have the shares', () => {
    const firm = firmWithMpc();
    expect(() => permit(firm, ['signer-a', 'signer-b', 'signer-z'])).toThrow('charter.unknown-signer');
    expect(() => permit(firm, NEW, 4)).toThrow('charter.quorum-unreachable');
    expect(() => permit(firm, OLD)).toThrow('charter.act-not-allowed');
    expect(() => permit(firm, ['signer-d', 'signer-b'])).toThrow('charter.malformed');
    expect(() => permit(firm, ['signer-b', 'signer-b'])).toThrow('charter.malformed');
    const other = { kind: 'mpc-wallet.reshare', wallet: 'alpha-btc', members: NEW, threshold: 2 } as const;
    expect(() => firm.append(other)).toThrow('charter.unknown-wallet');
    permit(firm);
    firm.append({ kind: 'signer.retire', signer: 'signer-d' });
    expect(() => firm.append(switching(firm))).toThrow('charter.signer-retired');
    expect(() => permit(firm, ['signer-a', 'signer-d'])).toThrow('charter.signer-retired');
  });

  it('gives no share to a member whose key is suspended: that would be to activate it', () => {
    const firm = firmWithMpc();
    const key = firm.state.wallets.get('alpha-tap')!.keys.find(({ signer }) => signer === 'signer-b')!;
    const suspend = { kind: 'key.suspend', wallet: 'alpha-tap', ...key, reason: 'a drill' } as const;
    permit(firm);
    firm.append(suspend);
    expect(() => firm.append(switching(firm))).toThrow('charter.key-state');
    expect(() => permit(firm)).toThrow('charter.key-state');
    expect(() => permit(firm, ['signer-a', 'signer-c'])).not.toThrow();
  });

  it('is not completed without a permit, after it was withdrawn, or for others than it names', () => {
    const firm = firmWithMpc();
    expect(() => firm.append(switching(firm))).toThrow('charter.act-not-allowed');
    expect(() => firm.append({ kind: 'mpc-wallet.withdraw', wallet: 'alpha-tap' })).toThrow('charter.act-not-allowed');
    permit(firm);
    expect(() => firm.append(switching(firm, { members: ['signer-b', 'signer-d'] }))).toThrow(
      'charter.act-not-allowed',
    );
    const act = switching(firm);
    firm.append({ kind: 'mpc-wallet.withdraw', wallet: 'alpha-tap' });
    expect(() => firm.append(act)).toThrow('charter.act-not-allowed');
    // what was dealt under one permit is worth nothing under the next
    permit(firm);
    expect(() => firm.append(act)).toThrow('charter.share-unproven');
    firm.append(switching(firm, { permit: 2 }));
  });

  it('is completed only with the same key, and with a proof of every new member', () => {
    const firm = firmWithMpc();
    permit(firm);
    expect(() => firm.append(switching(firm, { polynomial: dealt(2, randomScalar()) }))).toThrow(
      'charter.address-mismatch',
    );
    for (const signer of NEW)
      expect(() => firm.append(switching(firm, { strangers: [signer] }))).toThrow('charter.share-unproven');
    expect(() => firm.append(switching(firm, { firm: digestSchema.parse('ab'.repeat(32)) }))).toThrow(
      'charter.share-unproven',
    );
    firm.append(switching(firm));
  });

  it('is started by engineers, agreed to by compliance, waits out its delay and can be vetoed', () => {
    const firm = firmWithMpc();
    const act = { kind: 'mpc-wallet.reshare', wallet: 'alpha-tap', members: NEW, threshold: 2 } as const;
    const { olivia, omar, oskar, carla, erika } = firm.members;
    expect(() => firm.append(act, { initiator: olivia, approvers: [omar, carla] })).toThrow('approval.not-eligible');
    expect(() => firm.append(act, { initiator: erika, approvers: [omar, oskar] })).toThrow('approval.quorum-not-met');
    firm.append({
      kind: 'rules.set',
      rules: { ...firm.state.rules, delaySeconds: { 'mpc-wallet.reshare': 86_400, 'rules.loosen': 86_400 } },
    });
    const { intent } = firm.append(act);
    expect(firm.state.resharings.get('alpha-tap')).toBeUndefined();
    expect(() => firm.append({ kind: 'pending.enact', intent: intent.id })).toThrow('charter.delay-not-over');
    firm.append({ kind: 'pending.veto', intent: intent.id });
    expect(() => firm.append(switching(firm))).toThrow('charter.act-not-allowed');
  });
});
