import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { AlphaPayments, FEE_RATE_SAT_VB } from '../support/alpha-payments.js';
import { codeOf } from '../support/outcome.js';
import { copyDatabase, inDatabaseOf, startCopy } from '../support/signer-copies.js';

jest.setTimeout(120_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
});
afterAll(() => alpha.processes.stop());

const signer = () => alpha.processes.stack.part('signer-a');
const pay = async (coin = alpha.coin()) =>
  codeOf(await alpha.a.signTransfer(alpha.request(alpha.honest(undefined, coin))));
/** Another transaction of the same coin, with all approvals. */
const payAgain = async (coin: ReturnType<AlphaPayments['coin']>) =>
  codeOf(await alpha.a.signTransfer(alpha.request(alpha.honest(undefined, coin, FEE_RATE_SAT_VB + 1n))));
const startOn = async (databaseUrlFile?: string) => {
  await signer().stop();
  await alpha.processes.startSigner('signer-a', databaseUrlFile ? { database: { urlFile: databaseUrlFile } } : {});
};
const backup = async (name: string): Promise<string> => {
  await signer().stop();
  const file = await copyDatabase(alpha.processes, 'signer-a', name);
  await signer().start();
  return file;
};
const ROLLED_BACK = 'signer.database-rolled-back';

describe('a signer whose database was restored from a backup', () => {
  it('notices that it forgot what a coin is for, and signs nothing', async () => {
    expect(await pay()).toBe('accepted');
    const old = await backup('before_payment');
    const coin = alpha.coin();
    expect(await pay(coin)).toBe('accepted');
    await startOn(old);
    expect(codeOf(await alpha.a.health())).toBe(ROLLED_BACK);
    expect(await payAgain(coin)).toBe(ROLLED_BACK);
    expect(await pay()).toBe(ROLLED_BACK);
    await startOn();
    expect(codeOf(await alpha.a.health())).toBe('accepted');
    expect(await payAgain(coin)).toBe('segregation.coin-committed');
    expect(await pay()).toBe('accepted');
  });

  it('notices that it forgot a charter entry, and takes no other in its place', async () => {
    const old = await backup('before_entry');
    const house = { id: 'late-house', name: 'Late house' };
    const rival = alpha.charter.entry({ kind: 'house.open', owner: { ...house, id: 'rival-house' } });
    orThrow(await alpha.a.pushEntries([alpha.charter.append({ kind: 'house.open', owner: house })]));
    await startOn(old);
    expect(await pay()).toBe(ROLLED_BACK);
    expect(codeOf(await alpha.a.pushEntries([rival]))).toBe(ROLLED_BACK);
    await startOn();
    expect(await pay()).toBe('accepted');
  });

  it('notices a backup that is put back while it runs', async () => {
    const last = '(select max(position) from decision)';
    expect(await pay()).toBe('accepted');
    const removed = 'create table removed as select * from decision where position';
    await inDatabaseOf(
      alpha.processes,
      'signer-a',
      'alter table decision disable trigger user',
      `${removed} = ${last}`,
      `delete from decision where position = ${last}`,
    );
    expect(await pay()).toBe(ROLLED_BACK);
    const restore = ['insert into decision select * from removed', 'alter table decision enable trigger user'];
    await inDatabaseOf(alpha.processes, 'signer-a', ...restore);
    expect(await pay()).toBe('accepted');
  });

  it('notices at its start that one commitment is gone from the middle', async () => {
    const coin = alpha.coin();
    expect(await pay(coin)).toBe('accepted');
    expect(await pay()).toBe('accepted');
    const lost = `resource like '%${coin.txid}%'`;
    await inDatabaseOf(
      alpha.processes,
      'signer-a',
      'alter table commitment disable trigger user',
      `create table kept as select * from commitment where ${lost}`,
      `delete from commitment where ${lost}`,
    );
    await startOn();
    expect(await payAgain(coin)).toBe(ROLLED_BACK);
    await inDatabaseOf(alpha.processes, 'signer-a', 'insert into commitment select * from kept');
    await startOn();
    expect(await payAgain(coin)).toBe('segregation.coin-committed');
  });

  it('notices at its start that it pays somebody else by its tables than it agreed to', async () => {
    expect(await pay()).toBe('accepted');
    const change = (owner: string) =>
      inDatabaseOf(
        alpha.processes,
        'signer-a',
        'alter table spend disable trigger user',
        `update spend set owner = '${owner}'`,
      );
    await change('nobody');
    await startOn();
    expect(await pay()).toBe(ROLLED_BACK);
    await change('alpha');
    await startOn();
    expect(await pay()).toBe('accepted');
  });

  it('goes on when the database is ahead of the token: the process died in between', async () => {
    expect(await payAgain(alpha.coin())).toBe('accepted');
    const request = alpha.request(alpha.honest(), {}, { approvers: [] });
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('approval.quorum-not-met');
    await signer().kill('SIGKILL');
    await signer().start();
    expect(await pay()).toBe('accepted');
  });
});

describe('two copies of one signer on one token', () => {
  it('sign no coin twice: the one that came last signs, the other stops for good', async () => {
    const old = await backup('a_copy');
    expect(await pay()).toBe('accepted');
    const stale = await startCopy(alpha.processes, 'signer-a', old);
    expect(codeOf(await stale.client.health())).toBe(ROLLED_BACK);
    expect(await pay()).toBe('accepted'); // a stale copy takes nothing from the right one
    await stale.part.stop();

    const equal = await backup('an_equal_copy');
    const copy = await startCopy(alpha.processes, 'signer-a', equal);
    // the first one has not noticed yet; it must not make a key beside one that the copy may be making
    expect(codeOf(await alpha.a.generateKey('alpha-late'))).toBe('signer.fenced');
    expect(codeOf(await copy.client.generateKey('alpha-late'))).toBe('accepted');
    const coin = alpha.coin();
    const rivals = [5n, 6n].map((rate) => alpha.request(alpha.honest(undefined, coin, rate)));
    const codes = await Promise.all([alpha.a.signTransfer(rivals[0]!), copy.client.signTransfer(rivals[1]!)]);
    expect(codes.map(codeOf)).toEqual(['signer.fenced', 'accepted']);
    expect(codeOf(await alpha.a.health())).toBe('signer.fenced');
    expect(await pay()).toBe('signer.fenced');
    await copy.part.stop();
    await startOn(); // its database lacks what the copy has signed
    expect(await pay()).toBe(ROLLED_BACK);
  });
});
