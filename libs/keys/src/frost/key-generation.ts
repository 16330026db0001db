import { schnorr_FROST as frost } from '@noble/curves/secp256k1.js';
import { accepted, type Result } from '@bulkhead/intent';
import { blamed, type Dealer, type Dealing, failed, type Outcome } from './dealing.js';
import { fromHex, identifierOf, memberNumber, toHex } from './group.js';
import { liesOn } from './sharing.js';
import { type SessionTerms } from './terms.js';

type Round1 = ReturnType<typeof frost.DKG.round1>;
type Package = Round1['public'];

/**
 * Distributed key generation (Pedersen's with proofs of knowledge, as in the FROST paper), by @noble/curves. What comes
 * out is tweaked by BIP-341 with an empty merkle root: nobody can hide a script path in it.
 */
export class KeyGeneration implements Dealing {
  private readonly signers: { readonly min: number; readonly max: number };
  private readonly round1: Round1;
  private others: readonly Package[] = [];
  private shares: Readonly<Record<string, { readonly signingShare: Uint8Array }>> = {};

  constructor(
    private readonly terms: Extract<SessionTerms, { purpose: 'generate' }>,
    private readonly member: string,
  ) {
    this.signers = { min: terms.threshold, max: terms.members.length };
    this.round1 = frost.DKG.round1(identifierOf(terms.members, member), this.signers);
  }

  announce(): Dealer {
    const { commitment, proofOfKnowledge } = this.round1.public;
    return { commitments: commitment.map(toHex), proof: toHex(proofOfKnowledge) };
  }

  hear(dealers: ReadonlyMap<string, Dealer>): Result<true> {
    const packages: Package[] = [];
    for (const [member, dealer] of dealers) {
      if (dealer?.proof == null || dealer.commitments.length !== this.terms.threshold)
        return blamed(member, 'it deals no share');
      packages.push({
        identifier: identifierOf(this.terms.members, member),
        commitment: dealer.commitments.map(fromHex),
        proofOfKnowledge: fromHex(dealer.proof),
      });
    }
    this.others = packages;
    try {
      this.shares = frost.DKG.round2(this.round1.secret, packages);
      return accepted(true);
    } catch (error) {
      const culprit = [...dealers.keys()].find((_, place) => !this.isSound(packages[place]));
      return culprit === undefined
        ? failed(error)
        : blamed(culprit, 'it does not know what it commits to, or commits to no point');
    }
  }

  shareFor(member: string): Uint8Array | undefined {
    const share = this.shares[identifierOf(this.terms.members, member)]?.signingShare;
    return share && Uint8Array.from(share);
  }

  conclude(shares: ReadonlyMap<string, Uint8Array>): Result<Outcome> {
    const { members, threshold, group: id } = this.terms;
    const given = [...shares].map(([member, signingShare]) => ({
      identifier: identifierOf(members, member),
      signingShare,
    }));
    try {
      const key = frost.DKG.round3(this.round1.secret, [...this.others], given);
      const { commitments, verifyingShares } = key.public;
      const group = {
        id,
        epoch: 0,
        threshold,
        members,
        commitments: commitments.map(toHex),
        verifyingShares: members.map((member) =>
          toHex(verifyingShares[identifierOf(members, member)] ?? Buffer.alloc(0)),
        ),
      };
      return accepted({ group, key: { group, member: this.member, share: key.secret.signingShare } });
    } catch (error) {
      const culprit = [...shares].find(([member, share]) => !this.isWhatItCommittedTo(member, share))?.[0];
      return culprit === undefined ? failed(error) : blamed(culprit, 'its share is not what it committed to');
    }
  }

  forget(): void {
    for (const { signingShare } of Object.values(this.shares)) signingShare.fill(0);
    this.shares = {};
    frost.DKG.clean(this.round1.secret);
  }

  private isWhatItCommittedTo(member: string, share: Uint8Array): boolean {
    const { members } = this.terms;
    const dealer = this.others.find((other) => other.identifier === identifierOf(members, member));
    return liesOn(dealer?.commitment.map(toHex) ?? [], memberNumber(members, this.member), share);
  }

  /** Whether the library takes a package among sound ones: it says only that one of several is not. */
  private isSound(suspect: Package | undefined): boolean {
    const [id, ...rest] = this.terms.members
      .map((member) => identifierOf(this.terms.members, member))
      .filter((identifier) => identifier !== suspect?.identifier);
    if (suspect === undefined || id === undefined) return false;
    const { secret } = frost.DKG.round1(id, this.signers);
    try {
      frost.DKG.round2(secret, [suspect, ...rest.map((each) => frost.DKG.round1(each, this.signers).public)]);
      return true;
    } catch {
      return false;
    } finally {
      frost.DKG.clean(secret);
    }
  }
}
