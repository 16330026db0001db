import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { USUAL_RULES, type Act } from '@bulkhead/charter';
import { outputKey, sealKeyOf, signMessage, type SessionTerms, type SignedMessage } from '@bulkhead/keys';
import { orThrow, REGTEST } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import pg from 'pg';
import { SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { strangersAddress } from '../support/custody-firm.js';
import { MpcFirm, walletOf } from '../support/mpc-firm.js';
import { codeOf, factsOf } from '../support/outcome.js';

jest.setTimeout(120_000);

/** What somebody who took over the orchestrator, and so carries every message, can do to an MPC group. */
describe('a carrier that is hostile', () => {
  let firm: MpcFirm;
  beforeAll(async () => {
    firm = await MpcFirm.start({ rules: { ...USUAL_RULES, delaySeconds: { 'break-glass': 1 } } });
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
    // nor has a member that signs what is no promise
    const { keyFile, certificateFile } = firm.processes.stack.tls['signer-b'];
    const identity = { privateKey: readFileSync(keyFile, 'utf8'), certificate: readFileSync(certificateFile, 'utf8') };
    const pointless = body.nonces.map((each) => ({ ...each, binding: `02${'ff'.repeat(32)}` }));
    const lie = signMessage({ ...b.message, body: { ...body, nonces: pointless } }, identity);
    const blamed = await firm.member('signer-a').share(request, [a, lie]);
    expect([codeOf(blamed), factsOf(blamed)['member']]).toEqual(['mpc.member-blamed', 'signer-b']);
    // none of it has used the nonces up: with the right ones it is signed
    expect(await share(request, [a, b])).toBe('accepted');
    expect(await share(request, [a, c])).toBe('mpc.nonces-used');
  });

  it('gets nothing for a wallet whose key the signers did not make, or not all of it', async () => {
    const { charter } = firm.processes;
    const mine = orThrow(await firm.carrier.generate('other-tap', 2, ['signer-a', 'signer-b', 'signer-c']));
    const twin = orThrow(await firm.carrier.generate('other-tap', 2, ['signer-a', 'signer-b', 'signer-c']));
    expect(twin.commitments[0]).not.toBe(mine.commitments[0]);
    const client = firm.processes.client('signer-a');
    const renamed = walletOf({ ...mine, id: 'renamed-tap' });
    expect(codeOf(await client.confirmKey(renamed))).toBe('charter.key-not-held');
    const whole = orThrow(await firm.carrier.generate('lost-tap', 2, ['signer-a', 'signer-b', 'signer-c']));
    expect(codeOf(await client.confirmKey(walletOf(whole)))).toBe('accepted');
    const [first = '', second = ''] = whole.verifyingShares;
    const smaller = walletOf({ ...whole, members: ['signer-a', 'signer-b'], verifyingShares: [first, second] });
    charter.append({ kind: 'wallet.open', wallet: smaller });
    await firm.push(); // it is followed, and worth nothing
    const payload = firm.payment([firm.coin(100_000n, smaller)], 60_000n, firm.payee, smaller);
    const wish = firm.request(payload, 60_000n, {}, { wallet: 'lost-tap' });
    expect(codeOf(await firm.member('signer-a').promise(wish))).toBe('charter.key-not-held');
    const statement = { nonce: '00'.repeat(32), wallet: 'lost-tap', address: smaller.address };
    expect(codeOf(await firm.member('signer-a').proveShare(statement))).toBe('charter.key-not-held');
    const right = charter.append({ kind: 'wallet.open', wallet: walletOf(mine) });
    expect(codeOf(await client.pushEntries([right]))).toBe('accepted');
    // what was generated under the wallet's name and not taken is destroyed, in the token too
    const labels = async () => orThrow(await client.keyReport()).keys.map(({ label }) => label);
    await until('the end of the twin', async () => ((await labels()).includes(sealKeyOf(twin)) ? undefined : true));
    expect(await labels()).toContain(sealKeyOf(mine));
    const database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    const { rows } = await database.query(
      'select state, sealed is null as is_gone from frost_share where output_key = $1',
      [outputKey(twin)],
    );
    await database.end();
    expect(rows).toEqual([{ state: 'RETIRED', is_gone: true }]);
  });

  it('cannot move the shares to other members, or have them dealt by too few', async () => {
    const previous = await firm.groupAt('signer-a');
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

  const govern = async (act: Act) => {
    firm.processes.charter.append(act);
    await firm.push();
  };
  const SCOPE = '(principal, action == Action::"transfer", resource)';
  const setPolicy = (id: string, text: string) =>
    govern({ kind: 'policy.set', id, text, owner: 'alpha', wallet: 'alpha-tap' });

  it('gets no promise and no signature for what a policy of the MPC wallet forbids', async () => {
    await setPolicy(
      'small',
      `forbid ${SCOPE} when { resource.kind == "taproot-mpc" && context.amountMillionths >= 600 };`,
    );
    for (const id of SIGNER_NAMES) {
      const answer = await firm.member(id).promise(firm.fresh());
      expect([id, codeOf(answer), factsOf(answer)]).toMatchObject([id, 'policy.forbidden', { policies: 'small' }]);
    }
    expect(codeOf(await firm.sign(firm.fresh()))).toBe('policy.forbidden');
    const less = firm.request(firm.payment([firm.coin()], 59_900n), 59_900n);
    expect(codeOf(await firm.sign(less))).toBe('accepted');
    await govern({ kind: 'policy.remove', id: 'small' });
    expect(codeOf(await firm.sign(firm.fresh()))).toBe('accepted');
  });

  it('cannot pass a velocity limit on the MPC wallet by rotating the members that sign', async () => {
    const to = strangersAddress();
    const destination = { id: randomUUID(), owner: 'alpha', chain: REGTEST, address: to, label: 'bank' };
    await govern({ kind: 'destination.approve', ...destination });
    const toIt = `context.destination.address == "${to}"`;
    await setPolicy('two-a-day', `forbid ${SCOPE} when { ${toIt} && context.velocity.destination.day.count > 2 };`);
    const pairs = [
      ['signer-a', 'signer-b'],
      ['signer-b', 'signer-c'],
      ['signer-c', 'signer-a'],
    ] as const;
    const payment = () => firm.request(firm.payment([firm.coin()], 60_000n, to), 60_000n, {}, { to });
    const paid: TransferRequest[] = [];
    for (const pair of [...pairs, ...pairs]) {
      const request = payment();
      const answer = codeOf(await firm.sign(request, pair));
      if (answer === 'accepted') paid.push(request);
      else expect(answer).toBe('policy.forbidden');
    }
    expect(paid).toHaveLength(2);
    const refusal = factsOf(await firm.member('signer-b').promise(payment()));
    expect(refusal).toMatchObject({
      policies: 'two-a-day',
      'velocity.destination': 'day 120000/2',
    });
    // what pays somebody else is not held up
    expect(codeOf(await firm.sign(firm.fresh()))).toBe('accepted');
    await govern({ kind: 'policy.remove', id: 'two-a-day' });
  });

  const begun = async (count: number) => {
    const signings: { readonly request: TransferRequest; readonly promises: readonly SignedMessage[] }[] = [];
    for (let round = 0; round < count; round += 1) {
      const request = firm.fresh();
      signings.push({ request, promises: [await promise('signer-a', request), await promise('signer-b', request)] });
    }
    return signings;
  };

  it('cannot lock the group by second rounds that are refused: no share was given in them', async () => {
    const signings = await begun(6);
    await setPolicy('held-up', `forbid ${SCOPE} when { context.amountMillionths >= 600 };`);
    for (const { request, promises } of signings) expect(await share(request, promises)).toBe('policy.forbidden');
    await govern({ kind: 'policy.remove', id: 'held-up' });
    // their nonces are gone all the same
    for (const { request, promises } of signings) expect(await share(request, promises)).toBe('mpc.nonces-used');
    expect(codeOf(await firm.sign(firm.fresh(), ['signer-a', 'signer-b']))).toBe('accepted');
  });

  it('locks the group when it lets signings fail, however many at once, until a quorum has frozen and unfrozen the wallet', async () => {
    // many that are carried to their end lock nothing
    const signings = Array.from({ length: 8 }, () => firm.sign(firm.fresh(), ['signer-a', 'signer-b']));
    expect((await Promise.all(signings)).map(codeOf)).toEqual(Array.from({ length: 8 }, () => 'accepted'));
    const codes = await Promise.all((await begun(8)).map(({ request, promises }) => share(request, promises)));
    expect(codes.filter((code) => code === 'mpc.group-locked')).toHaveLength(3);
    await firm.processes.stack.part('signer-a').kill('SIGKILL');
    await firm.processes.stack.part('signer-a').start();
    const promised = async () => codeOf(await firm.member('signer-a').promise(firm.fresh()));
    expect(await promised()).toBe('mpc.group-locked');
    const { charter } = firm.processes;
    const scope = { of: 'wallet', wallet: 'alpha-tap' } as const;
    charter.append({ kind: 'freeze', scope, reason: 'signings fail' });
    await firm.push();
    expect(await promised()).toBe('charter.frozen');
    // in an emergency as in the usual way
    const reason = 'compliance is away';
    const { intent } = charter.append({ kind: 'break-glass', act: { kind: 'unfreeze', scope }, reason });
    await firm.push();
    await sleep(1_100); // its delay, by the signers' clocks too
    charter.append({ kind: 'pending.enact', intent: intent.id });
    await firm.push();
    expect(codeOf(await firm.sign(firm.fresh(), ['signer-a', 'signer-b']))).toBe('accepted');
  });

  it('has no signer read its whole charter at each round after a lock that is over', async () => {
    const database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    await database.query('begin');
    await database.query('lock table charter_entry in access exclusive mode');
    const promised = codeOf(await firm.member('signer-a').promise(firm.fresh()));
    await database.end();
    expect(promised).toBe('accepted');
  });
});
