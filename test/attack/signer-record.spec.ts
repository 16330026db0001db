import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { followDecisions, NO_DECISIONS, type SignedDecision } from '@bulkhead/policy';
import pg from 'pg';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { readGenesis } from '../../apps/cli/src/setup/genesis.js';
import { SIGNER_NAMES, type SignerName } from '../../apps/cli/src/stack/index.js';
import { ALPHA } from '../../apps/cli/src/story/cast.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { Bulkhead } from '../support/bulkhead.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(180_000); // a whole stack on a busy machine

interface DecisionView {
  readonly transfer: string | null;
  readonly decision: SignedDecision;
}
interface Incident {
  readonly kind: string;
  readonly detail: Readonly<Record<string, string>>;
}

let bulkhead: Bulkhead;
let btc: TransferView;
let eth: TransferView;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  const scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', [1_000_000n]);
  await bulkhead.fundEther(scene.alphaSafe, 10n ** 18n);
  const { btc: bitcoin, eth: ether } = bulkhead.cast;
  const toBank = { owner: ALPHA, wallet: 'alpha-btc', asset: bitcoin, to: scene.alphaBitcoinDestination };
  btc = await bulkhead.pay({ ...toBank, amount: 100_000n, maxFee: 20_000n });
  const toBroker = { owner: ALPHA, wallet: 'alpha-eth', asset: ether, to: scene.alphaEthereumDestination };
  eth = await bulkhead.pay({ ...toBroker, amount: 10n ** 15n });
}, 300_000);
afterAll(() => bulkhead.stop(), 60_000);

/** All that an auditor has to know of a signer. */
const known = (id: SignerName): { id: string; tlsFingerprint: string } => {
  const { act } = readGenesis(bulkhead.stack.layout.genesis).intent;
  const signer = act.kind === 'genesis' ? act.signers.find((one) => one.id === id) : undefined;
  if (!signer) throw new Error(`the genesis does not name ${id}`);
  return signer;
};
const chainOf = async (id: SignerName): Promise<SignedDecision[]> =>
  (await bulkhead.get<DecisionView[]>(`/v1/signers/${id}/decisions`)).map(({ decision }) => decision);
const verdict = (id: SignerName, chain: readonly SignedDecision[]): string =>
  codeOf(followDecisions(NO_DECISIONS, chain, known(id)));
const incidents = async (): Promise<Incident[]> =>
  (await bulkhead.get<Incident[]>('/v1/incidents')).filter(({ kind }) => kind === 'signer.record');

describe('what signers have decided', () => {
  it('is shown for each transfer as they have signed it, the gas of its execution too', async () => {
    const of = async ({ id }: TransferView): Promise<string[]> => {
      const found = await bulkhead.get<DecisionView[]>(`/v1/transfers/${id}/decisions`);
      return found.map(({ decision: { record } }) => `${record.kind} ${record.decision}`).sort();
    };
    // two of three: a third is asked, too, where one of them has not answered for a while
    const TWO = ['transfer SIGN', 'transfer SIGN'];
    expect([TWO, [...TWO, 'transfer SIGN']]).toContainEqual(await of(btc));
    expect([TWO, [...TWO, 'transfer SIGN']].map((signed) => ['gas SIGN', ...signed])).toContainEqual(await of(eth));
    await expect(bulkhead.get('/v1/transfers/00000000-0000-4000-8000-000000000000/decisions')).rejects.toThrow(
      /request\.not-found/,
    );
    await expect(bulkhead.get('/v1/signers/signer-z/decisions')).rejects.toThrow(/request\.not-found/);
  });

  it('is one chain for each signer, which anybody verifies by the charter alone', async () => {
    for (const id of SIGNER_NAMES) expect(verdict(id, await chainOf(id))).toBe('accepted');
    const chain = await chainOf('signer-a');
    expect(chain.length).toBeGreaterThanOrEqual(3); // two deployments and what was paid
    const [first, second, ...rest] = chain;
    const broken = {
      'one left out': [first!, ...rest],
      'two in another order': [second!, first!, ...rest],
      'one changed': [{ ...first!, record: { ...first!.record, at: '2020-01-01T00:00:00.000Z' } }, second!, ...rest],
      'one twice': [first!, first!, second!, ...rest],
      'one of another signer': await chainOf('signer-b'),
    };
    for (const altered of Object.values(broken)) expect(verdict('signer-a', altered)).toBe('signer.decision-invalid');
  });

  it('is followed: a signer that has lost or rewritten a decision is noticed', async () => {
    expect(await incidents()).toEqual([]);
    const { layout, ports } = bulkhead.stack;
    const password = readFileSync(layout.postgresPassword, 'utf8').trim();
    const tampered = 'signer-b';
    const client = new pg.Client({
      connectionString: `postgres://bulkhead_admin:${password}@127.0.0.1:${ports.postgres}/signer_b`,
    });
    await client.connect();
    await client.query('set session_replication_role = replica'); // its triggers do not see it
    await client.query('delete from decision where position = (select max(position) from decision)');
    await client.end();
    await bulkhead.stack.part('orchestrator').restart(); // looks at once, and every 15 seconds
    const [incident] = await until('the incident', async () => {
      const found = await incidents();
      return found.length > 0 ? found : undefined;
    });
    expect(incident!.detail).toMatchObject({ signer: tampered });
    expect(incident!.detail['problem']).toMatch(/^it has \d+ decisions and has had \d+$/);
  });
});
