import { jest } from '@jest/globals';
import { intentDigest, payloadDigest } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { AlphaPayments } from '../support/alpha-payments.js';
import { say } from '../support/charter-builder.js';
import { codeAt, knock } from '../support/doors.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start({ three: true });
});
afterAll(() => alpha.processes.stop());

/** A payment, and another of the same amount from another coin in its place, each with all approvals. */
function pair(): { original: TransferRequest; replacement: TransferRequest } {
  const original = alpha.request(alpha.honest());
  return { original, replacement: alpha.request(alpha.honest(), { replaces: intentDigest(original.intent) }) };
}

/** Its initiator ends a transfer, at the door of one signer, without the orchestrator. */
async function end({ intent, payload }: TransferRequest): Promise<void> {
  const terms = { firm: alpha.charter.firm, intent: intentDigest(intent), payload: payloadDigest(payload) };
  const { sequence } = alpha.charter.state.heads.get('firm')!;
  const rejection = say(alpha.charter.members.olivia, 'REJECT', { ...terms, charterSequence: sequence });
  expect(codeAt(await knock(alpha.processes, 'signer-c', 'POST', '/v1/objections', rejection))).toBe('accepted');
}

const ask = async (request: TransferRequest) => ({
  a: codeOf(await alpha.a.signTransfer(request)),
  b: codeOf(await alpha.b.signTransfer(request)),
  c: codeOf(await alpha.c.signTransfer(request)),
});
const everywhere = (code: string) => ({ a: code, b: code, c: code });

describe('an orchestrator that would have a payment and its replacement signed, from two coins', () => {
  it('gets no signature on the replacement as long as no member has ended the payment', async () => {
    const { original, replacement } = pair();
    expect(await ask(replacement)).toEqual(everywhere('intent.replaced-stands'));
    expect(await ask(original)).toEqual(everywhere('accepted'));
    expect(await ask(replacement)).toEqual(everywhere('intent.replaced-stands'));
  });

  it('gets none on the payment, whose approvals were complete, once its replacement is signed', async () => {
    const { original, replacement } = pair();
    await end(original);
    expect(await ask(replacement)).toEqual(everywhere('accepted'));
    expect(await ask(original)).toEqual(everywhere('approval.rejected'));
  });

  it('gets none on the replacement where the payment was signed before it was ended: never a quorum for both', async () => {
    const { original, replacement } = pair();
    expect(codeOf(await alpha.a.signTransfer(original))).toBe('accepted');
    await end(original);
    expect(await ask(replacement)).toEqual({ a: 'intent.replaced-signed', b: 'accepted', c: 'accepted' });
    expect(await ask(original)).toEqual(everywhere('approval.rejected'));
  });

  it('cannot leave out what a signed intent replaces: its proposal and approvals are of other bytes then', async () => {
    const { replacement } = pair();
    const { replaces, ...intent } = replacement.intent;
    expect(replaces).toBeDefined();
    expect(await ask({ ...replacement, intent })).toEqual(everywhere('approval.intent-mismatch'));
  });
});
