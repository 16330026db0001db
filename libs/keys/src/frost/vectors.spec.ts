import { schnorr, secp256k1_FROST as plain } from '@noble/curves/secp256k1.js';
import { randomBytes } from 'node:crypto';
import {
  combine_partial_sigs,
  create_commit_pkg,
  create_dealer_set,
  derive_shares_secret,
  get_commit_pkg,
  get_group_signing_ctx,
  sign_msg,
  verify_final_sig,
  verify_partial_sig,
} from '@cmdcode/frost/lib';
import * as ecc from 'tiny-secp256k1';
import { orThrow } from '@bulkhead/intent';
import {
  carry,
  enrolMembers,
  generate,
  keysOf,
  membersOf,
  random32,
  sessions,
  signWith,
} from '../../test/frost-members.js';
import { type FrostGroup, type FrostKey, fromHex, memberNumber, outputKey, toHex } from './group.js';
import { holdsByHand, newNonces, promiseOf, shareByHand } from '../../test/frost-by-hand.js';
import { aggregateShares, makeNonces, makeShares } from './index.js';
import { commitmentAt, evaluate, liesOn, weightAtZero } from './sharing.js';

/*
 * RFC 9591 appendix E.5, FROST(secp256k1, SHA-256): the published numbers, so that what we build upon is the standard's.
 * (The Taproot variant that wallets use has no vectors of its own in the RFC; a second implementation stands in below.)
 */
const RFC = {
  secret: '0d004150d27c3bf2a42f312683d35fac7394b1e9e318249c1bfe7f0795a83114',
  coefficient: 'fbf85eadae3058ea14f19148bb72b45e4399c0b16028acaf0395c9b03c823579',
  groupKey: '02f37c34b66ced1fb51c34a90bdae006901f10625cc06c4f64663b0eae87d87b4f',
  message: '74657374',
  shares: [
    '08f89ffe80ac94dcb920c26f3f46140bfc7f95b493f8310f5fc1ea2b01f4254c',
    '04f0feac2edcedc6ce1253b7fab8c86b856a797f44d83d82a385554e6e401984',
    '00e95d59dd0d46b0e303e500b62b7ccb0e555d49f5b849f5e748c071da8c0dbc',
  ],
  signers: [
    {
      number: 1,
      hiding: '841d3a6450d7580b4da83c8e618414d0f024391f2aeb511d7579224420aa81f0',
      binding: '8d2624f532af631377f33cf44b5ac5f849067cae2eacb88680a31e77c79b5a80',
      hidingPoint: '03c699af97d26bb4d3f05232ec5e1938c12f1e6ae97643c8f8f11c9820303f1904',
      bindingPoint: '02fa2aaccd51b948c9dc1a325d77226e98a5a3fe65fe9ba213761a60123040a45e',
      share: 'c4fce1775a1e141fb579944166eab0d65eefe7b98d480a569bbbfcb14f91c197',
    },
    {
      number: 3,
      hiding: '2b19b13f193f4ce83a399362a90cdc1e0ddcd83e57089a7af0bdca71d47869b2',
      binding: '7a443bde83dc63ef52dda354005225ba0e553243402a4705ce28ffaafe0f5b98',
      hidingPoint: '03077507ba327fc074d2793955ef3410ee3f03b82b4cdc2370f71d865beb926ef6',
      bindingPoint: '02ad53031ddfbbacfc5fbda3d3b0c2445c8e3e99cbc4ca2db2aa283fa68525b135',
      share: '0160fd0d388932f4826d2ebcd6b9eaba734f7c71cf25b4279a4ca2581e47b18d',
    },
  ],
  signature:
    '0205b6d04d3774c8929413e3c76024d54149c372d57aae62574ed74319b5ea14d0' +
    'c65dde8492a7471437e6c2fe3da49b90d23f642b5c6dbe7e36089f096dd97324',
} as const;

describe('RFC 9591 appendix E.5', () => {
  const coefficients = [RFC.secret, RFC.coefficient].map((hex) => BigInt(`0x${hex}`));

  it('gives the shares that our polynomial gives, and our weights give the secret back', () => {
    expect([1, 2, 3].map((number) => toHex(evaluate(coefficients, number)))).toEqual(RFC.shares);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    for (const numbers of [
      [1, 2],
      [1, 3],
      [2, 3],
      [1, 2, 3],
    ]) {
      const secret = numbers.reduce(
        (sum, number) => (sum + weightAtZero(numbers, number) * BigInt(`0x${RFC.shares[number - 1] ?? ''}`)) % order,
        0n,
      );
      expect(secret.toString(16).padStart(64, '0')).toBe(RFC.secret);
    }
  });

  it('gives the nonce commitments, shares and signature that the library gives', () => {
    const id = (number: number) => plain.Identifier.fromNumber(number);
    const commitments = [
      RFC.groupKey,
      toHex(
        plain.utils.generateSecretPolynomial({ min: 2, max: 3 }, undefined, [coefficients[1] ?? 0n]).commitment[1] ??
          Buffer.alloc(0),
      ),
    ];
    expect(RFC.shares.map((share, place) => liesOn(commitments, place + 1, fromHex(share)))).toEqual([
      true,
      true,
      true,
    ]);
    const pub = {
      signers: { min: 2, max: 3 },
      commitments: commitments.map(fromHex),
      verifyingShares: Object.fromEntries([1, 2, 3].map((n) => [id(n), fromHex(commitmentAt(commitments, n))])),
    };
    const list = RFC.signers.map(({ number, hidingPoint, bindingPoint }) => ({
      identifier: id(number),
      hiding: fromHex(hidingPoint),
      binding: fromHex(bindingPoint),
    }));
    const message = fromHex(RFC.message);
    const shares = RFC.signers.map(({ number, hiding, binding }) => {
      const secret = { identifier: id(number), signingShare: fromHex(RFC.shares[number - 1] ?? '') };
      const share = plain.signShare(secret, pub, { hiding: fromHex(hiding), binding: fromHex(binding) }, list, message);
      return [id(number), share] as const;
    });
    expect(shares.map(([, share]) => toHex(share))).toEqual(RFC.signers.map(({ share }) => share));
    expect(toHex(plain.aggregate(pub, list, message, Object.fromEntries(shares)))).toBe(RFC.signature);
  });
});

describe('a second implementation (@cmdcode/frost)', () => {
  beforeAll(enrolMembers);
  /** To the same members, by two of them. */
  const reshared = (keys: ReadonlyMap<string, FrostKey>): Map<string, FrostKey> => {
    const [first] = keys.values();
    if (!first) throw new Error('nothing was generated');
    const { group: previous } = first;
    const common = { session: random32(), group: previous.id, threshold: 2, members: membersOf(3) };
    const terms = { purpose: 'reshare', ...common, dealers: membersOf(2), previous } as const;
    return keysOf(carry(sessions(terms, keys)));
  };
  const indexed = (key: FrostKey) => ({ idx: memberNumber(key.group.members, key.member), seckey: toHex(key.share) });

  it('signs with the shares that our members generated and dealt anew, for the key that they say is theirs', () => {
    for (let run = 0; run < 4; run += 1) {
      const generated = generate(2, membersOf(3));
      const keys = [...(run < 2 ? generated : reshared(generated)).values()].slice(1);
      const [first] = keys;
      const message = randomBytes(32).toString('hex');
      const shares = keys.map(indexed);
      const commits = shares.map((share) => create_commit_pkg(share));
      const context = get_group_signing_ctx(first?.group.commitments[0] ?? '', commits, message);
      const partial = shares.map((share) => sign_msg(context, share, get_commit_pkg(commits, share)));
      for (const { idx, pubkey, psig } of partial)
        expect(verify_partial_sig(context, get_commit_pkg(commits, { idx, seckey: '' }), pubkey, psig)).toBe(true);
      const signature = fromHex(combine_partial_sigs(context, partial));
      expect(schnorr.verify(signature, fromHex(message), fromHex(outputKey(first?.group ?? { commitments: [] })))).toBe(
        true,
      );
    }
  });

  it('deals shares that our members sign with, and takes their signature', () => {
    for (let run = 0; run < 4; run += 1) {
      const dealt = create_dealer_set(2, 3, []);
      const group: FrostGroup = {
        id: 'dealt',
        epoch: 0,
        threshold: 2,
        members: membersOf(3),
        commitments: dealt.vss_commits,
        verifyingShares: [1, 2, 3].map((number) => commitmentAt(dealt.vss_commits, number)),
      };
      const keys = dealt.shares.map(({ idx, seckey }) => ({
        group,
        member: membersOf(3)[idx - 1] ?? '',
        share: fromHex(seckey),
      }));
      for (const { idx, seckey } of dealt.shares) expect(liesOn(dealt.vss_commits, idx, fromHex(seckey))).toBe(true);
      const digest = randomBytes(32);
      const { commitments, shares } = signWith(keys.slice(0, 2), [{ inputIndex: 0, digest }]);
      const [signed] = orThrow(aggregateShares(group, commitments, [{ inputIndex: 0, digest }], shares));
      const context = get_group_signing_ctx(
        dealt.group_pk,
        dealt.shares.map((share) => create_commit_pkg(share)),
        toHex(digest),
      );
      expect(verify_final_sig(context, toHex(digest), toHex(signed?.signature ?? Buffer.alloc(0)))).toBe(true);
    }
  });

  it('finds the same secret in any two of the shares', () => {
    const [a, b, c] = [...generate(2, membersOf(3)).values()].map(indexed);
    if (!a || !b || !c) throw new Error('three keys are generated');
    expect(derive_shares_secret([a, b])).toBe(derive_shares_secret([b, c]));
    expect(derive_shares_secret([a])).not.toBe(derive_shares_secret([a, c]));
  });
});

describe('an implementation written from the standards (test/frost-by-hand.ts)', () => {
  beforeAll(enrolMembers);

  it('signs together with our members in one signing, and each finds the other’s share to be right', () => {
    for (let run = 0; run < 6; run += 1) {
      const [ours, theirs] = [...generate(2, membersOf(3)).values()].slice(run % 2);
      if (!ours || !theirs) throw new Error('two members');
      const { group } = ours;
      const groupKey = fromHex(group.commitments[0] ?? '');
      const digest = Uint8Array.from(randomBytes(32));
      const digests = [{ inputIndex: 0, digest }];
      const [ourNonces, theirNonces] = [makeNonces(ours, [0]), newNonces()];
      const theirPromise = promiseOf(theirNonces);
      const commitments = new Map([
        [ours.member, ourNonces.commitments],
        [theirs.member, [{ inputIndex: 0, hiding: toHex(theirPromise.hiding), binding: toHex(theirPromise.binding) }]],
      ]);
      const [ourPromise] = ourNonces.commitments;
      const numberOf = ({ member }: FrostKey) => memberNumber(group.members, member);
      const promised = new Map([
        [numberOf(ours), { hiding: fromHex(ourPromise?.hiding ?? ''), binding: fromHex(ourPromise?.binding ?? '') }],
        [numberOf(theirs), theirPromise],
      ]);
      const own = { number: numberOf(theirs), share: theirs.share, nonces: theirNonces };
      const theirShare = { inputIndex: 0, share: toHex(shareByHand(groupKey, own, promised, digest)) };
      const ourShares = orThrow(makeShares(ours, ourNonces.secret, commitments, digests));
      const verifyingShare = fromHex(group.verifyingShares[numberOf(ours) - 1] ?? '');
      const ofOurs = { number: numberOf(ours), verifyingShare, share: fromHex(ourShares[0]?.share ?? '') };
      expect(holdsByHand(groupKey, ofOurs, promised, digest)).toBe(true);
      expect(holdsByHand(groupKey, { ...ofOurs, share: fromHex(theirShare.share) }, promised, digest)).toBe(false);
      const shares = new Map([
        [ours.member, ourShares],
        [theirs.member, [theirShare]],
      ]);
      const [signed] = orThrow(aggregateShares(group, commitments, digests, shares));
      expect(ecc.verifySchnorr(digest, fromHex(outputKey(group)), signed?.signature ?? new Uint8Array())).toBe(true);
      // and a share of its that is wrong is laid at its door
      const wrong = new Map([...shares, [theirs.member, [{ ...theirShare, share: ourShares[0]?.share ?? '' }]]]);
      expect(aggregateShares(group, commitments, digests, wrong)).toMatchObject({
        refusal: { code: 'mpc.member-blamed', facts: { member: theirs.member } },
      });
    }
  });
});
