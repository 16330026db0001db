import { jest } from '@jest/globals';
import type { Act } from '@bulkhead/charter';
import { AlphaPayments } from '../support/alpha-payments.js';
import type { EntryOptions } from '../support/charter-builder.js';
import { codeOf, factsOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
});
afterAll(() => alpha.processes.stop());

const SCOPE = '(principal, action == Action::"transfer", resource)';
const policy = (text: string, owner: string | null = 'alpha', id = 'drill'): Act => ({
  kind: 'policy.set',
  id,
  text,
  owner,
  wallet: null,
});
const remove = (id = 'drill'): Act => ({ kind: 'policy.remove', id });

/** Enacts an act and hands the entry to both signers themselves: no orchestrator is asked. */
async function handOver(act: Act): Promise<void> {
  const entry = alpha.charter.append(act);
  for (const signer of [alpha.a, alpha.b]) expect(codeOf(await signer.pushEntries([entry]))).toBe('accepted');
}
/** What signer A says to an entry that nobody has applied yet. */
const offered = async (act: Act, options?: EntryOptions): Promise<string> =>
  codeOf(await alpha.a.pushEntries([alpha.charter.entry(act, options)]));
/** What each signer says to a payment that is honest and fully approved. */
async function asked(): Promise<string[]> {
  const request = alpha.request(alpha.honest());
  return [codeOf(await alpha.a.signTransfer(request)), codeOf(await alpha.b.signTransfer(request))];
}
const both = (code: string): string[] => [code, code];

describe('a signer that is asked directly, with nothing but honest signatures,', () => {
  it('signs nothing that a policy of the charter forbids, and signs again when it is removed', async () => {
    expect(await asked()).toEqual(both('accepted'));
    await handOver(policy(`forbid ${SCOPE} when { context.amountMillionths >= 600 };`));
    expect(await asked()).toEqual(both('policy.forbidden'));
    expect(factsOf(await alpha.a.signTransfer(alpha.request(alpha.honest())))).toMatchObject({ policies: 'drill' });
    await handOver(remove());
    expect(await asked()).toEqual(both('accepted'));
  });

  it('signs nothing when a policy errs, though Cedar by itself would skip it', async () => {
    const beyond64Bits = 'context.amountMillionths * 9007199254740991 * 9007199254740991 < 0';
    await handOver(policy(`forbid ${SCOPE} when { ${beyond64Bits} };`));
    expect(await asked()).toEqual(both('policy.error'));
    expect(factsOf(await alpha.a.signTransfer(alpha.request(alpha.honest())))).toMatchObject({ policy: 'drill' });
    await handOver(remove());
  });

  it('is not held up by what is forbidden to another client', async () => {
    await handOver(policy(`forbid ${SCOPE};`, 'beta'));
    expect(await asked()).toEqual(both('accepted'));
    await handOver(remove());
  });

  it('takes no policy that names an unknown fact, loops in size, or that operators have written', async () => {
    expect(await offered(policy(`forbid ${SCOPE} when { context.colour == "red" };`))).toBe('policy.invalid');
    const endless = `forbid ${SCOPE} when { ${'context.amountMillionths > 1 || '.repeat(5_000)} true };`;
    expect(await offered(policy(endless))).toBe('request.malformed');
    const { olivia, omar, oskar } = alpha.charter.members;
    const permit = policy(`@quorum("transfer.PAYMENT") permit ${SCOPE};`, null);
    expect(await offered(permit, { initiator: olivia, approvers: [omar, oskar] })).toBe('approval.not-eligible');
    expect(await asked()).toEqual(both('accepted'));
  });

  it('holds to its invariants whatever is permitted', async () => {
    await handOver(policy(`@quorum("transfer.PAYMENT") permit ${SCOPE};`));
    const { bitcoin } = alpha.firm;
    const house = alpha.charter.state.addresses.findKey(({ wallet }) => wallet === bitcoin.house.id);
    const to = house?.slice(bitcoin.house.chain.length + 1) ?? '';
    const toTheHouse = alpha.request(alpha.honest(to), { to });
    expect(codeOf(await alpha.a.signTransfer(toTheHouse))).toBe('segregation.pays-house');
    await handOver(remove());
  });

  it('signs nothing at all once no policy permits it', async () => {
    await handOver(remove('payment'));
    expect(await asked()).toEqual(both('policy.denied'));
  });
});
