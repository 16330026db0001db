import type { Approval } from '@bulkhead/approval';
import { intentDigest, type TransferIntent } from '@bulkhead/intent';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import type { MemberDevice } from '../../apps/cli/src/members/member-device.js';
import type { Cast } from '../../apps/cli/src/story/cast.js';

/** What a client may put in place of an intent's fields: other values, other types, more fields. */
export type Changes = Readonly<Record<string, unknown>>;

/**
 * An intent with other fields than Bulkhead's own client would ever write, truly signed by its initiator: what is
 * refused is refused for those fields alone.
 */
export async function signChanged(
  { client, olivia }: Cast,
  wish: TransferWish,
  changes: Changes,
  device: MemberDevice = olivia,
): Promise<{ intent: TransferIntent; proposal: Approval }> {
  const sound = await client.signIntent(device, wish);
  const intent = { ...sound.intent, ...changes };
  const digest = intentDigest(intent);
  const { charterSequence } = sound.proposal.statement;
  return {
    intent,
    proposal: device.say('PROPOSE', { firm: intent.firm, intent: digest, payload: digest, charterSequence }),
  };
}
