import { jest } from '@jest/globals';
import type { TransferRequest } from '@bulkhead/policy';
import { termsOn, type TransferView, type TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import { ALPHA } from '../../apps/cli/src/story/cast.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import { Bulkhead } from '../support/bulkhead.js';
import { eventually } from '../support/eventually.js';
import { objectionsAt } from '../support/objections.js';
import { codeOf } from '../support/outcome.js';
import { LyingOrchestrator, type Lie } from '../support/lying-orchestrator.js';

jest.setTimeout(120_000); // a whole stack on a busy machine

let bulkhead: Bulkhead;
let scene: Scene;
let orchestrator: LyingOrchestrator;
beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  orchestrator = await LyingOrchestrator.start(bulkhead.stack.root);
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', [1_000_000n, 1_000_000n]);
}, 300_000);
afterAll(async () => {
  await bulkhead.stop();
  orchestrator.stop();
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

describe('an orchestrator that is taken over after a member has thought better of it', () => {
  /** The whole request as it was complete, whatever the orchestrator has been told since. */
  const complete = ({ intent, proposal, payload }: TransferView, charterSequence: number): TransferRequest => {
    if (!payload) throw new Error('there are no bytes');
    const { omar, oskar } = bulkhead.cast;
    const approvals = [omar, oskar].map((device) =>
      device.say('APPROVE', termsOn({ intent, payload }, charterSequence)),
    );
    return { intent, proposal, payload, approvals, attestations: [] };
  };
  const untilKnown = async ({ intentDigest }: TransferView, decision: string): Promise<void> => {
    for (const signer of SIGNER_NAMES) {
      await eventually(`${decision} at ${signer}`, async () =>
        (await objectionsAt(bulkhead.stack, signer)).includes(`${intentDigest} ${decision}`),
      );
    }
  };
  const asked = async (request: TransferRequest): Promise<string[]> => {
    const { ports, tls } = bulkhead.stack;
    const { keyFile, certificateFile: certFile } = tls.orchestrator;
    const answers = SIGNER_NAMES.map(async (id) => {
      const address = { id, url: `https://127.0.0.1:${ports[id]}`, certFile: tls[id].certificateFile };
      const signer = new SignerClient(address, { keyFile, certFile }, 20_000);
      const answer = await signer.signTransfer(request);
      signer.close();
      return codeOf(answer);
    });
    return [...new Set(await Promise.all(answers))];
  };

  it('gets no signature with an approval that was withdrawn by the API before', async () => {
    const { client, omar } = bulkhead.cast;
    const view = await client.approveTransfer(omar, await propose(100_003n));
    const request = complete(view, view.toApprove!.charterSequence);
    await client.approveTransfer(omar, view, 'WITHDRAW');
    await untilKnown(view, 'WITHDRAW');
    expect(await asked(request)).toEqual(['approval.quorum-not-met']);
    // and who has withdrawn can still end it
    expect((await client.approveTransfer(omar, view, 'REJECT')).state).toBe('REJECTED');
    await untilKnown(view, 'REJECT');
    expect(await asked(request)).toEqual(['approval.rejected']);
  });

  it('gets none for what its initiator has cancelled', async () => {
    const view = await propose(100_004n);
    await bulkhead.cast.client.cancelTransfer(bulkhead.cast.olivia, view);
    expect((await read(view)).state).toBe('CANCELLED');
    await untilKnown(view, 'REJECT');
    expect(await asked(complete(view, view.toApprove!.charterSequence))).toEqual(['approval.rejected']);
  });
});

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
