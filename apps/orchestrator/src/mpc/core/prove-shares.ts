import { randomBytes } from 'node:crypto';
import { groupOutputKey } from '@bulkhead/bitcoin';
import { isKeyActive, taprootSpec, type CharterState, type MpcWallet } from '@bulkhead/charter';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { outputKey, verifyShareControl, type FrostGroup, type ShareStatement } from '@bulkhead/keys';
import type { MemberShareProof, MpcMember } from '../../signers/mpc-member.js';

/**
 * Whether as many members as it takes to spend hold their shares of the wallet's key now: each signs a fresh nonce with
 * the address, by its share. They are of one group and epoch, whose verifying shares are checked to give the key. Members
 * whose share is not active are not asked; those that are away, or prove something else, are done without.
 */
export async function proveShares(
  state: CharterState,
  wallet: MpcWallet,
  address: string,
  members: ReadonlyMap<string, MpcMember>,
): Promise<Result<true>> {
  const asked = wallet.keys.map(({ signer }) => signer).filter((id) => isKeyActive(state, wallet, id));
  const statement = { nonce: randomBytes(32).toString('hex'), wallet: wallet.id, address };
  const answers = await Promise.all(
    asked.map(async (member) => ({ member, answer: await members.get(member)?.proveShare(statement) })),
  );
  const byShares = new Map<string, number>();
  const refusals: Result<never>[] = [];
  for (const { member, answer } of answers) {
    const proven = answer?.ok ? checkProof(wallet, { ...statement, member }, answer.value) : answer;
    if (!answer?.ok || !proven?.ok) {
      if (proven && !proven.ok) refusals.push(proven);
      continue;
    }
    const name = canonicalJson(answer.value.group);
    byShares.set(name, (byShares.get(name) ?? 0) + 1);
  }
  if (Math.max(0, ...byShares.values()) >= wallet.threshold) return accepted(true);
  return (
    refusals[0] ??
    refused('signer.quorum-unavailable', 'Fewer shares of the wallet’s key are in use than it takes to spend.', {
      wallet: wallet.id,
    })
  );
}

function checkProof(wallet: MpcWallet, statement: ShareStatement, { group, signature }: MemberShareProof) {
  if (!isOfWallet(group, wallet))
    return refused('signer.answer-invalid', 'A member’s group is not of this wallet.', {
      wallet: wallet.id,
      member: statement.member,
    });
  return verifyShareControl(group, statement, Buffer.from(signature, 'hex'));
}

function isOfWallet(group: FrostGroup, wallet: MpcWallet): boolean {
  const key = taprootSpec(wallet).outputKey;
  const given = groupOutputKey(group.threshold, group.verifyingShares);
  const isOfMembers =
    group.threshold === wallet.threshold && group.members.join() === wallet.keys.map(({ signer }) => signer).join();
  return isOfMembers && given.ok && given.value === key && outputKey(group) === key && group.id === wallet.id;
}
