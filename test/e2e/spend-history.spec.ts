import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { OWNER_SWAP, type Digest } from '@bulkhead/intent';
import { EVERY_VELOCITY, historyOf, velocityBy, type PastSpend } from '@bulkhead/policy';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { startStack, type Stack } from '../../apps/cli/src/stack/index.js';
import { MIGRATIONS } from '../../apps/signer/src/database/database.module.js';
import { PeerSpendRow } from '../../apps/signer/src/peers/persistence/peer-spend.entity.js';
import { spendColumns } from '../../apps/signer/src/signing/persistence/spend-columns.js';
import { SpendRow } from '../../apps/signer/src/signing/persistence/spend.entity.js';
import { SpendHistory } from '../../apps/signer/src/signing/persistence/spend-history.js';
import { BTC } from '../support/custody-firm.js';

jest.setTimeout(120_000);

const NOW = Date.parse('2026-03-02T09:30:00.000Z');
const [HOUR_S, DAY_S] = [3_600, 86_400];
let folder: string;
let stack: Stack;
let database: DataSource;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-spend-history-'));
  stack = await startStack({ root: folder, only: ['postgres'] });
  database = new DataSource({
    type: 'postgres',
    url: stack.postgres.databaseUrl('signer-a'),
    installExtensions: false,
    entities: [SpendRow, PeerSpendRow],
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
  });
  await database.initialize();
  await database.runMigrations();
});
afterAll(async () => {
  await database.destroy();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

const digestOf = (seed: number): Digest => seed.toString(16).padStart(64, '0') as Digest;
const ages = fc.oneof(
  fc.constantFrom(...[HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S].flatMap((edge) => [edge - 1, edge, edge + 1]), -60, 0),
  fc.integer({ min: 0, max: 40 * DAY_S }),
);
/** Of one payload all is the same, save when it was agreed to. */
const spends = fc.tuple(fc.integer({ min: 1, max: 12 }), ages).map(([seed, ageSeconds]): PastSpend => ({
  payloadDigest: digestOf(seed),
  wallet: `wallet-${seed % 3}`,
  owner: `owner-${seed % 2}`,
  asset: seed % 5 === 0 ? 'eip155:31337/slip44:60' : BTC,
  payee: `payee-${seed % 4}`,
  initiator: `member-${seed % 3}`,
  purpose: seed === 7 ? OWNER_SWAP : seed % 4 === 1 ? 'TEST_PAYMENT' : 'PAYMENT',
  amount: 10n ** 20n + BigInt(seed),
  at: new Date(NOW - ageSeconds * 1_000).toISOString(),
}));

it('a signer’s database sums up what was paid before as the pure count does, over all that signers know', async () => {
  const history = new SpendHistory();
  const reads = fc.subarray([...EVERY_VELOCITY]);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(spends, { selector: ({ payloadDigest }) => payloadDigest, maxLength: 8 }),
      fc.array(spends, { maxLength: 12 }),
      fc.array(spends, { maxLength: 4 }),
      spends,
      reads,
      async (own, others, pending, asked, read) => {
        const transfer = { ...asked, asset: BTC, at: new Date(NOW).toISOString() };
        const runner = database.createQueryRunner();
        await runner.startTransaction();
        try {
          if (own.length > 0) await runner.manager.insert(SpendRow, own.map(spendColumns));
          const told = others.map((spend, position) => ({ signer: 'signer-b', position, ...spendColumns(spend) }));
          if (told.length > 0) await runner.manager.insert(PeerSpendRow, told);
          const expected = historyOf([...own, ...others, ...pending], transfer, transfer.at);
          expect(await history.before(runner.manager, EVERY_VELOCITY, transfer, pending)).toEqual(expected);
          const some = await history.before(runner.manager, read, transfer, pending);
          const isRead = (subject: string, window: string) =>
            read.some((one) => one.subject === subject && one.window === window);
          expect(some.velocity).toEqual(
            velocityBy((subject, window) =>
              isRead(subject, window) ? expected.velocity[subject][window] : { amount: 0n, count: 0 },
            ),
          );
        } finally {
          await runner.rollbackTransaction();
          await runner.release();
        }
      },
    ),
    { numRuns: 150 },
  );
});
