import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { blamed, type Dealer, type Dealing, failed, type Outcome } from './dealing.js';
import { type FrostKey, memberNumber } from './group.js';
import {
  commitmentAt,
  evaluate,
  isPoint,
  liesOn,
  randomPolynomial,
  sumOfCommitments,
  sumOfScalars,
  weighted,
  weightedPoint,
} from './sharing.js';
import { type SessionTerms } from './terms.js';

/**
 * New shares of the same key, for the same members (proactive refresh) or for others: each dealer shares out its own
 * share, weighted by Lagrange, on a new random polynomial (Desmedt and Jajodia). That a dealer shares out what it has, and
 * nothing else, follows from its first commitment; that the key is the same, from their sum.
 *
 * With the old shares destroyed, whoever had stolen fewer of them than the threshold has nothing.
 */
export class Resharing implements Dealing {
  private readonly numbers: readonly number[];
  private readonly polynomial: ReturnType<typeof randomPolynomial> | undefined;
  private readonly dealt = new Map<string, readonly string[]>();

  /** Throws when the member is to deal without a share of the group as it is. */
  constructor(
    private readonly terms: Extract<SessionTerms, { purpose: 'reshare' }>,
    private readonly member: string,
    key: FrostKey | undefined,
  ) {
    const { dealers, previous, threshold } = terms;
    this.numbers = dealers.map((dealer) => memberNumber(previous.members, dealer));
    if (this.numbers.includes(0) || dealers.length < previous.threshold)
      throw new Error('the dealers are members of the group, and as many as its threshold');
    if (!dealers.includes(member)) return;
    if (key?.member !== member || canonicalJson(key.group) !== canonicalJson(previous))
      throw new Error(`${member} has no share of the group to deal`);
    this.polynomial = randomPolynomial(threshold, weighted(key.share, this.numbers, this.numberOf(member)));
    this.dealt.set(member, this.polynomial.commitments);
  }

  announce(): Dealer {
    return this.polynomial ? { commitments: this.polynomial.commitments, proof: null } : null;
  }

  hear(announced: ReadonlyMap<string, Dealer>): Result<true> {
    const { dealers, previous, threshold } = this.terms;
    for (const [member, dealer] of announced) {
      if (dealers.includes(member) !== (dealer !== null))
        return blamed(member, 'it deals when it should not, or does not');
      if (dealer === null) continue;
      const { commitments } = dealer;
      if (commitments.length !== threshold || !commitments.every(isPoint))
        return blamed(member, 'its commitments are not points, one for each of the threshold');
      const share = previous.verifyingShares[previous.members.indexOf(member)] ?? '';
      if (commitments[0] !== weightedPoint(share, this.numbers, this.numberOf(member)))
        return blamed(member, 'it shares out something else than its share');
      this.dealt.set(member, commitments);
    }
    return accepted(true);
  }

  shareFor(member: string): Uint8Array | undefined {
    return this.polynomial && evaluate(this.polynomial.coefficients, memberNumber(this.terms.members, member));
  }

  conclude(shares: ReadonlyMap<string, Uint8Array>): Result<Outcome> {
    const { members, threshold, group: id, previous } = this.terms;
    const own = memberNumber(members, this.member);
    for (const [member, share] of shares)
      if (!liesOn(this.dealt.get(member) ?? [], own, share))
        return blamed(member, 'its share is not what it committed to');
    try {
      const commitments = sumOfCommitments([...this.dealt.values()], threshold);
      const verifyingShares = members.map((_, place) => commitmentAt(commitments, place + 1));
      const group = { id, epoch: previous.epoch + 1, threshold, members, commitments, verifyingShares };
      if (commitments[0] !== previous.commitments[0])
        return refused('mpc.message-invalid', 'The new shares would be of another key.', { group: id });
      if (own === 0) return accepted({ group, key: undefined });
      const self = this.shareFor(this.member);
      const share = sumOfScalars(self ? [...shares.values(), self] : [...shares.values()]);
      return accepted({ group, key: { group, member: this.member, share } });
    } catch (error) {
      return failed(error);
    }
  }

  forget(): void {
    this.polynomial?.coefficients.fill(0n);
  }

  private numberOf(member: string): number {
    return memberNumber(this.terms.previous.members, member);
  }
}
