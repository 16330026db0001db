import { randomBytes } from 'node:crypto';
import { groupOutputKey } from '@bulkhead/bitcoin';
import { isKeyActive, taprootSpec, type CharterState, type MpcWallet } from '@bulkhead/charter';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { outputKey, verifyShareControl, type FrostGroup } from '@bulkhead/keys';
import type { MpcMember } from '../../signers/mpc-member.js';

/**
 * Whether as many members as it takes to spend hold their shares of the wallet's key now: each signs a fresh nonce with
 * the address, by its share. All of them are of one group and epoch, whose verifying shares are checked to give the key.
 * Members whose share is not active are not asked; those that are away are done without.
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
  const proofs = answers.flatMap(({ member, answer }) => (answer?.ok ? [{ ...answer.value, member }] : []));
  for (const { group, member, signature } of proofs) {
    if (!isOfWallet(group, wallet) || canonicalJson(group) !== canonicalJson(proofs[0]?.group))
      return refused('signer.answer-invalid', 'A member’s group is not of this wallet, or not that of the others.', {
        wallet: wallet.id,
        member,
      });
    const proven = verifyShareControl(group, { ...statement, member }, Buffer.from(signature, 'hex'));
    if (!proven.ok) return proven;
  }
  if (proofs.length >= wallet.threshold) return accepted(true);
  const refusal = answers.flatMap(({ answer }) => (answer && !answer.ok ? [answer] : []))[0];
  return (
    refusal ??
    refused('signer.quorum-unavailable', 'Fewer shares of the wallet’s key are in use than it takes to spend.', {
      wallet: wallet.id,
    })
  );
}

function isOfWallet(group: FrostGroup, wallet: MpcWallet): boolean {
  const key = taprootSpec(wallet).outputKey;
  const given = groupOutputKey(group.threshold, group.verifyingShares);
  const isOfMembers =
    group.threshold === wallet.threshold && group.members.join() === wallet.keys.map(({ signer }) => signer).join();
  return isOfMembers && given.ok && given.value === key && outputKey(group) === key && group.id === wallet.id;
}
