import { jest } from '@jest/globals';
import type { FrostGroup, SessionTerms, SignedMessage } from '@bulkhead/keys';
import { orThrow } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { MpcFirm, walletOf } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000);

/** What somebody who took over the orchestrator, and so carries every message, can do to an MPC group. */
describe('a carrier that is hostile', () => {
  let firm: MpcFirm;
  beforeAll(async () => {
    firm = await MpcFirm.start();
  });
  afterAll(() => firm.processes.stop());

  const promise = async (id: 'signer-a' | 'signer-b' | 'signer-c', request: TransferRequest) =>
    orThrow(await firm.member(id).promise(request)).message;
  const share = async (request: TransferRequest, promises: readonly SignedMessage[]) =>
    codeOf(await firm.member('signer-a').share(request, promises));

  it('cannot change a promise, repeat one, bring one for other bytes, or ask without this signer’s own', async () => {
    const request = firm.fresh();
    const [a, b, c] = [
      await promise('signer-a', request),
      await promise('signer-b', request),
      await promise('signer-c', request),
    ];
    const { body } = b.message;
    if (body.kind !== 'nonces' || a.message.body.kind !== 'nonces') throw new Error('no promises');
    const swapped = { ...b, message: { ...b.message, body: { ...body, nonces: a.message.body.nonces } } };
    expect(await share(request, [a, swapped])).toBe('mpc.message-invalid');
    expect(await share(request, [a, { ...b, message: { ...b.message, from: 'signer-c' } }])).toBe(
      'mpc.message-invalid',
    );
    expect(await share(request, [a, a])).toBe('mpc.message-invalid');
    expect(await share(request, [b, c])).toBe('signer.quorum-unavailable');
    const other = firm.fresh();
    expect(await share(request, [a, await promise('signer-b', other)])).toBe('mpc.message-invalid');
    expect(await share(other, [a, await promise('signer-b', other)])).toBe('mpc.message-invalid');
    // none of it has used the nonces up: with the right ones it is signed
    expect(await share(request, [a, b])).toBe('accepted');
    expect(await share(request, [a, c])).toBe('mpc.nonces-used');
  });

  it('cannot have a wallet opened whose key the signers did not make, or not all of it', async () => {
    const { charter } = firm.processes;
    const mine = orThrow(await firm.carrier.generate('other-tap', 2, ['signer-a', 'signer-b', 'signer-c']));
    const twin = orThrow(await firm.carrier.generate('other-tap', 2, ['signer-a', 'signer-b', 'signer-c']));
    expect(twin.commitments[0]).not.toBe(mine.commitments[0]);
    const renamed = charter.entry({ kind: 'wallet.open', wallet: walletOf({ ...mine, id: 'renamed-tap' }) });
    const client = firm.processes.client('signer-a');
    expect(codeOf(await client.pushEntries([renamed]))).toBe('charter.key-not-held');
    const [first = '', second = ''] = mine.verifyingShares;
    const forged: FrostGroup = { ...mine, members: ['signer-a', 'signer-b'], verifyingShares: [first, second] };
    const smaller = charter.entry({ kind: 'wallet.open', wallet: walletOf(forged) });
    expect(codeOf(await client.pushEntries([smaller]))).toBe('charter.key-not-held');
    const right = charter.append({ kind: 'wallet.open', wallet: walletOf(mine) });
    expect(codeOf(await client.pushEntries([right]))).toBe('accepted');
  });

  it('cannot move the shares to other members, or have them dealt by too few', async () => {
    const previous = orThrow(await firm.member('signer-a').group('alpha-tap'));
    const terms: SessionTerms = {
      purpose: 'reshare',
      session: 'ab'.repeat(32),
      group: previous.id,
      threshold: 2,
      members: ['signer-a', 'signer-b', 'signer-c'],
      dealers: ['signer-a', 'signer-b'],
      previous,
    };
    const announce = async (changes: object) =>
      codeOf(await firm.member('signer-a').announce({ ...terms, ...changes }));
    expect(await announce({ members: ['signer-a', 'signer-b'] })).toBe('charter.act-not-allowed');
    expect(await announce({ threshold: 3 })).toBe('charter.act-not-allowed');
    expect(await announce({ dealers: ['signer-a'] })).toBe('request.malformed');
    expect(await announce({ previous: { ...previous, epoch: 7 } })).toBe('charter.act-not-allowed');
  });

  it('locks the group when it lets signings fail again and again, until a quorum has frozen and unfrozen the wallet', async () => {
    const fail = async () => {
      const request = firm.fresh();
      const a = await firm.member('signer-a').promise(request);
      if (!a.ok) return codeOf(a);
      return share(request, [a.value.message, await promise('signer-b', request)]);
    };
    expect(codeOf(await firm.sign(firm.fresh(), ['signer-a', 'signer-b']))).toBe('accepted');
    const codes: string[] = [];
    for (let round = 0; round < 6; round += 1) codes.push(await fail());
    expect(codes).toEqual([...Array.from({ length: 5 }, () => 'accepted'), 'mpc.group-locked']);
    await firm.processes.stack.part('signer-a').kill('SIGKILL');
    await firm.processes.stack.part('signer-a').start();
    expect(await fail()).toBe('mpc.group-locked');
    const { charter } = firm.processes;
    const scope = { of: 'wallet', wallet: 'alpha-tap' } as const;
    charter.append({ kind: 'freeze', scope, reason: 'signings fail' });
    await firm.push();
    expect(await fail()).toBe('charter.frozen');
    charter.append({ kind: 'unfreeze', scope });
    await firm.push();
    expect(codeOf(await firm.sign(firm.fresh(), ['signer-a', 'signer-b']))).toBe('accepted');
  });
});
