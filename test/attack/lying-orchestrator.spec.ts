import { jest } from '@jest/globals';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { ALPHA } from '../../apps/cli/src/story/cast.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';
import { LyingOrchestrator, type Lie } from '../support/lying-orchestrator.js';

jest.setTimeout(120_000); // a whole stack on a busy machine

let bulkhead: Bulkhead;
let scene: Scene;
let orchestrator: LyingOrchestrator;
beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', Array<bigint>(6).fill(1_000_000n));
  orchestrator = await LyingOrchestrator.start(bulkhead.stack.root);
}, 240_000);
afterAll(async () => {
  orchestrator.stop();
  await bulkhead.stop();
}, 60_000);

const propose = (amount: bigint, more: Partial<TransferWish> = {}): Promise<TransferView> =>
  bulkhead.propose({
    owner: ALPHA,
    wallet: 'alpha-btc',
    asset: bulkhead.cast.btc,
    to: scene.alphaBitcoinDestination,
    amount,
    maxFee: 20_000n,
    ...more,
  });
const read = ({ id }: TransferView): Promise<TransferView> => bulkhead.cast.client.transfer(bulkhead.cast.olivia, id);
const given = async (view: TransferView): Promise<string[]> =>
  (await read(view)).approvals.map(({ member, decision }) => `${member} ${decision}`);

/** Has the orchestrator show one transfer as something else. */
const showing =
  (of: TransferView, changes: Partial<TransferView>): Lie =>
  (path, body) =>
    path === `/v1/transfers/${of.id}` ? { ...(body as TransferView), ...changes } : body;

async function decided(
  lie: Lie,
  ...typed: readonly string[]
): Promise<{ status: number | null; error: string; output: string; words: number }> {
  orchestrator.lie = lie;
  orchestrator.sent.length = 0;
  const { status, error, output } = await orchestrator.cli(...typed);
  return { status, error, output, words: orchestrator.sent.length };
}

describe('an orchestrator that lies to an approver about what they approve', () => {
  /** What the approver means to approve, and what the orchestrator would have approved. */
  let small: TransferView;
  let large: TransferView;
  beforeEach(async () => {
    small = await propose(100_000n);
    large = await propose(700_000n);
  });
  const approve = (lie: Lie) => decided(lie, 'approve', small.id, '--as', 'omar');

  it('has the truth printed and signed where it decodes the bytes falsely', async () => {
    const outputs = [{ address: 'the-bank', asset: bulkhead.cast.btc, amount: '1' }];
    const lie = showing(large, { decoded: { ...large.decoded!, outputs } });
    const answer = await decided(lie, 'approve', large.id, '--as', 'omar');
    expect(answer).toMatchObject({ status: 0, error: '' });
    expect(answer.output).toContain(`pays        ${scene.alphaBitcoinDestination}  0.007 BTC`);
    expect(answer.output).not.toContain('the-bank');
    expect(await given(large)).toEqual(['omar APPROVE']);
  });

  it('has amounts in the units of the charter, whatever it says that an asset is', async () => {
    const lie: Lie = (path, body) =>
      path === '/v1/assets' ? (body as object[]).map((asset) => ({ ...asset, decimals: 12, symbol: 'DUST' })) : body;
    expect((await approve(lie)).output).toContain(`pays        ${scene.alphaBitcoinDestination}  0.001 BTC`);
  });

  it('gets a word on the bytes that were read where it names the digests of others', async () => {
    const answer = await approve(showing(small, { toApprove: large.toApprove }));
    expect(answer).toMatchObject({ status: 0, words: 1 });
    expect([await given(small), await given(large)]).toEqual([['omar APPROVE'], []]);
  });

  it('gets no word where it shows the bytes of another transfer, or another transfer whole', async () => {
    const otherBytes = await approve(showing(small, { payload: large.payload }));
    expect(otherBytes).toMatchObject({ status: 1, words: 0 });
    expect(otherBytes.error).toContain('transfer.payload-differs');
    const other = await approve(showing(small, { ...large }));
    expect(other).toMatchObject({ status: 1, words: 0 });
    expect(other.error).toContain(`Another intent is shown as transfer ${small.id}: ${large.id}.`);
    expect([await given(small), await given(large)]).toEqual([[], []]);
  });

  it('gets no rejection of another transfer from whoever replaces one', async () => {
    const typed = ['--wallet', 'alpha-btc', '--asset', 'BTC', '--to', scene.alphaBitcoinDestination];
    const replace = ['propose', ...typed, '--amount', '0.002', '--replaces', small.id];
    expect(await decided(showing(small, { ...large }), ...replace)).toMatchObject({ status: 1, words: 0 });
    expect(await decided(showing(small, { toApprove: large.toApprove }), ...replace)).toMatchObject({ status: 0 });
    expect([(await read(small)).state, (await read(large)).state]).toEqual(['REPLACED', 'PENDING_APPROVAL']);
  });

  afterEach(async () => {
    const { client, olivia } = bulkhead.cast;
    const all = await bulkhead.get<TransferView[]>('/v1/transfers?state=PENDING_APPROVAL');
    for (const view of all) await client.cancelTransfer(olivia, view);
  });
});
