import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { verifyShareControl } from '@bulkhead/keys';
import pg from 'pg';
import { proveShares } from '../../apps/orchestrator/src/mpc/core/prove-shares.js';
import type { MpcMember } from '../../apps/orchestrator/src/signers/mpc-member.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { enactAfter, keyAct } from '../support/key-acts.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

const DESTROY_S = 3;

let firm: MpcFirm;
beforeAll(async () => {
  firm = await MpcFirm.start({ rules: { delaySeconds: { 'key.destroy': DESTROY_S } } });
});
afterAll(() => firm.processes.stop());

const statement = { nonce: 'ab'.repeat(32), wallet: 'alpha-tap', address: 'bcrt1pexample' };
/** As the orchestrator asks before it issues an address. */
const proven = async (members: ReadonlyMap<string, MpcMember> = firm.members) => {
  const { address } = firm.wallet();
  return codeOf(await proveShares(firm.processes.charter.state, firm.wallet(), address, members));
};

describe('the members of an MPC group', () => {
  it('show freshly that they hold their shares, each by the share itself', async () => {
    expect(await proven()).toBe('accepted');
    expect(await proven(new Map([...firm.members].slice(0, 2)))).toBe('accepted');
    expect(await proven(new Map([...firm.members].slice(0, 1)))).toBe('signer.quorum-unavailable');
    const { group, signature, signer } = orThrow(await firm.member('signer-b').proveShare(statement));
    const bytes = Buffer.from(signature, 'hex');
    expect(codeOf(verifyShareControl(group, { ...statement, member: signer }, bytes))).toBe('accepted');
    const old = { ...statement, nonce: 'cd'.repeat(32), member: signer };
    expect(codeOf(verifyShareControl(group, old, bytes))).toBe('keys.signature-invalid');
    expect(codeOf(verifyShareControl(group, { ...statement, member: 'signer-a' }, bytes))).toBe(
      'keys.signature-invalid',
    );
    expect(codeOf(await firm.member('signer-b').proveShare({ ...statement, wallet: 'none' }))).toBe(
      'signer.wrong-wallet',
    );
  });

  it('show the shares that they have now, after a refresh', async () => {
    const before = orThrow(await firm.member('signer-a').proveShare(statement));
    orThrow(await firm.carrier.refresh(before.group));
    expect(await proven()).toBe('accepted');
    const after = orThrow(await firm.member('signer-a').proveShare(statement));
    expect(after.group.epoch).toBe(before.group.epoch + 1);
    // a share of an epoch that has passed proves nothing for the one there is
    const old = Buffer.from(before.signature, 'hex');
    const said = { ...statement, member: 'signer-a' };
    expect(codeOf(verifyShareControl(after.group, said, old))).toBe('keys.signature-invalid');
  });

  it('do without one whose share is suspended, and do not sign together with it', async () => {
    const request = firm.fresh();
    const early = orThrow(await firm.member('signer-a').promise(request)).message;
    firm.processes.charter.append(keyAct(firm.wallet(), 'key.suspend', 'signer-a'));
    await firm.push();
    expect(codeOf(await firm.member('signer-a').promise(request))).toBe('key.suspended');
    expect(codeOf(await firm.member('signer-a').proveShare(statement))).toBe('key.suspended');
    const promise = orThrow(await firm.member('signer-b').promise(request)).message;
    // the share may be in other hands than the signer's
    expect(codeOf(await firm.member('signer-b').share(request, [early, promise]))).toBe('key.suspended');
    expect((await firm.sign(firm.fresh(), ['signer-b', 'signer-c'])).ok).toBe(true);
    expect(await proven()).toBe('accepted');
  });

  it('give no new share to one whose share is suspended', async () => {
    const { group } = orThrow(await firm.member('signer-b').proveShare(statement));
    expect(codeOf(await firm.carrier.refresh(group))).toBe('key.suspended');
  });

  it('destroy a share when the charter says so, with what sealed it, and no other', async () => {
    const { charter } = firm.processes;
    const client = firm.processes.client('signer-a');
    const seals = async () =>
      orThrow(await client.keyReport()).keys.filter(({ keyClass, inToken }) => keyClass === 'SEAL' && inToken).length;
    const { publicKey = '' } = firm.wallet().keys.find(({ signer }) => signer === 'signer-a') ?? {};
    charter.append(keyAct(firm.wallet(), 'key.retire', 'signer-a'));
    const { intent } = charter.append(keyAct(firm.wallet(), 'key.destroy', 'signer-a'));
    await firm.push();
    expect(codeOf(await client.destroyKey('alpha-tap', publicKey))).toBe('charter.key-state');
    expect(await seals()).toBe(1);
    enactAfter(charter, intent.id, DESTROY_S + 1);
    await firm.push();
    const gone = await until('the destruction', async () => {
      const key = orThrow(await client.keyReport()).keys.find((one) => one.publicKey === publicKey);
      return key?.destroyedAt == null ? undefined : key;
    });
    expect(gone).toMatchObject({ keyClass: 'MPC_SHARE', state: 'DESTROYED', inToken: false });
    expect(await seals()).toBe(0);
    expect(codeOf(await client.destroyKey('alpha-tap', publicKey))).toBe('accepted');
    // the others have theirs
    expect((await firm.sign(firm.fresh(), ['signer-b', 'signer-c'])).ok).toBe(true);
    expect(await proven()).toBe('accepted');
  });

  it('keep nothing of it in their database, and the record of its end for good', async () => {
    const { stack } = firm.processes;
    const database = new pg.Client({ connectionString: stack.postgres.databaseUrl('signer-a') });
    await database.connect();
    try {
      const { rows } = await database.query('select state, sealed from frost_share');
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toEqual({ state: 'RETIRED', sealed: null });
      await expect(database.query('delete from key_record')).rejects.toThrow('refused');
    } finally {
      await database.end();
    }
  });
});
