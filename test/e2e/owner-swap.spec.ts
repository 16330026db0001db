import { randomBytes } from 'node:crypto';
import type { Act, QuorumKey } from '@bulkhead/charter';
import { ownerAddress } from '@bulkhead/ethereum';
import { OWNER_SWAP } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { Interface } from 'ethers';
import type { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { developmentDevice } from '../../apps/cli/src/members/development-members.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(180_000);

const SAFE = new Interface(['function getOwners() view returns (address[])']);
const ether = 10n ** 18n;

interface ReplacementView {
  readonly underWay: {
    readonly retiring: string;
    readonly swap: { readonly previous: string; readonly retiring: string; readonly incoming: string };
    readonly executed: { readonly nonce: string; readonly safeTxHash: string; readonly transaction: string } | null;
  } | null;
}

/** All of it on real parts: four signers, the orchestrator, anvil with the published Safe contracts. */
describe('exchanging an owner of a client’s Safe', () => {
  let bulkhead: Bulkhead;
  let safe: string;
  let before: readonly QuorumKey[];
  let incoming: Pick<Extract<Act, { kind: 'wallet.replace-key' }>, 'key' | 'proof'>;
  let swap: TransferView;

  const replacement = () => bulkhead.get<ReplacementView>('/v1/wallets/alpha-eth/replacement');
  const keysNow = async () => (await bulkhead.get<{ keys: QuorumKey[] }>('/v1/wallets/alpha-eth')).keys;
  const ownersOnChain = async (): Promise<string[]> => {
    const { rpc } = bulkhead.stack.anvil;
    const data = SAFE.encodeFunctionData('getOwners');
    const answer = await rpc.call<string>('eth_call', { to: safe, data }, 'latest');
    return [...(SAFE.decodeFunctionResult('getOwners', answer)[0] as string[])];
  };
  const addresses = (keys: readonly QuorumKey[]) => keys.map(({ publicKey }) => ownerAddress(publicKey));
  const refusalOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'accepted',
      (error: unknown) => (error as ApiRefusal).problem.code,
    );
  const wish = () => {
    const { cast } = bulkhead;
    return { owner: 'alpha', wallet: 'alpha-eth', asset: cast.eth, to: safe, amount: 0n, purpose: OWNER_SWAP } as const;
  };
  const bank = async (): Promise<string> => {
    const all = await bulkhead.get<{ chain: string; address: string }[]>('/v1/destinations?owner=alpha');
    return all.find(({ chain }) => chain.startsWith('eip155'))!.address;
  };
  const signedBy = async (id: string): Promise<string[]> => {
    const rows = await bulkhead.query<{ signer: string }>(
      'select signer from transfer_signature where transfer = $1 order by signer',
      id,
    );
    return rows.map(({ signer }) => signer);
  };

  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ spare: true });
    const { cast, stack } = bulkhead;
    ({ alphaSafe: safe } = await bulkhead.setTheScene());
    await bulkhead.fundEther(safe, 2n * ether);
    before = await keysNow();
    const [{ fingerprint: tlsFingerprint }, { serial: tokenSerial }] = [
      stack.tls['signer-d'],
      stack.tokens['signer-d'],
    ];
    const signer = { id: 'signer-d', tlsFingerprint, tokenSerial };
    const erika = developmentDevice(stack.layout.members, 'erika');
    await cast.client.enact({ kind: 'signer.enrol', signer }, erika, [cast.omar, cast.carla]);
  });
  afterAll(() => bulkhead.stop());

  it('begins with a key that its token has made and shows to hold', async () => {
    const { cast } = bulkhead;
    const nonce = randomBytes(32).toString('hex');
    incoming = await cast.client.api.post('/v1/wallets/alpha-eth/incoming-keys', cast.olivia.apiToken, {
      signer: 'signer-d',
      nonce,
    });
    expect(incoming).toMatchObject({ key: { signer: 'signer-d' }, proof: { nonce } });
    expect(await replacement()).toEqual({ wallet: 'alpha-eth', underWay: null });
    expect(await refusalOf(bulkhead.propose(wish()))).toBe('charter.no-replacement');
  });

  it('is decided by the charter, which then names the one swap', async () => {
    const act: Act = { kind: 'wallet.replace-key', wallet: 'alpha-eth', retiring: 'signer-b', ...incoming };
    await bulkhead.cast.enact(act, 'alpha');
    const [a, b] = addresses(before);
    expect(await replacement()).toMatchObject({
      underWay: {
        retiring: 'signer-b',
        swap: { previous: a, retiring: b, incoming: ownerAddress(incoming.key.publicKey) },
        executed: null,
      },
    });
  });

  it('does not stop payments: those that stay sign them', async () => {
    const { cast } = bulkhead;
    const to = await bank();
    const { id } = await bulkhead.pay({
      owner: 'alpha',
      wallet: 'alpha-eth',
      asset: cast.eth,
      to,
      amount: ether / 10n,
    });
    expect(await signedBy(id)).toEqual(['signer-a', 'signer-c']);
  });

  it('is a transfer of nothing, shown decoded to those who approve its bytes', async () => {
    swap = await bulkhead.propose(wish());
    const [, b] = addresses(before);
    expect(swap.state).toBe('PENDING_APPROVAL');
    expect(swap.decoded).toMatchObject({
      outputs: [],
      swap: { retiring: b, incoming: ownerAddress(incoming.key.publicKey) },
    });
    expect(await bulkhead.held('alpha-eth')).toContain('busy:alpha-eth');
    expect(await refusalOf(bulkhead.propose(wish()))).toBe('segregation.coin-committed');
  });

  it('is not over before the chain has executed it, whatever anybody says', async () => {
    const ended: Act = {
      kind: 'wallet.key-replaced',
      wallet: 'alpha-eth',
      nonce: (swap.payload as { tx: { nonce: string } }).tx.nonce,
      safeTxHash: `0x${'00'.repeat(32)}`,
      transaction: `0x${'11'.repeat(32)}`,
    };
    expect(await refusalOf(bulkhead.cast.enact(ended, 'alpha'))).toBe('charter.no-replacement');
    const rows = await bulkhead.query<{ payload_id: string }>('select payload_id from transfer where id = $1', swap.id);
    const early = { ...ended, safeTxHash: rows[0]!.payload_id };
    expect(await refusalOf(bulkhead.cast.enact(early, 'alpha'))).toBe('ethereum.safe-state');
  });

  it('is signed by those that stay, sent by the gas payer, and seen in a block', async () => {
    await bulkhead.approve(swap);
    swap = await bulkhead.untilState(swap.id, 'SETTLED', { mining: true });
    expect(await signedBy(swap.id)).toEqual(['signer-a', 'signer-c']);
    const [a, , c] = addresses(before);
    expect(await ownersOnChain()).toEqual([a, ownerAddress(incoming.key.publicKey), c]);
    expect((await keysNow()).map(({ signer }) => signer)).toEqual(['signer-a', 'signer-b', 'signer-c']);
    expect(await bulkhead.get<unknown[]>('/v1/incidents')).toEqual([]);
    expect(await bulkhead.held('alpha-eth')).not.toContain('busy:alpha-eth');
    expect(await refusalOf(bulkhead.propose(wish()))).toBe('ethereum.safe-state');
  });

  it('is recorded with the evidence of the chain, and the registry follows', async () => {
    const { underWay } = await replacement();
    const { executed } = underWay!;
    expect(executed!.transaction).toBe(swap.txId);
    await bulkhead.cast.enact({ kind: 'wallet.key-replaced', wallet: 'alpha-eth', ...executed! }, 'alpha');
    expect(await replacement()).toEqual({ wallet: 'alpha-eth', underWay: null });
    expect(await keysNow()).toEqual([before[0], incoming.key, before[2]]);
    const report = await bulkhead.cast.client.api.post<{ balanced: boolean }>(
      '/v1/reconciliations',
      bulkhead.cast.olivia.apiToken,
      {},
    );
    expect(report.balanced).toBe(true);
  });

  it('leaves a wallet that pays with its new owner when another one is away, and without the old', async () => {
    const { cast, stack } = bulkhead;
    await cast.client.enact({ kind: 'signer.retire', signer: 'signer-b' }, cast.olivia, [cast.omar]);
    await stack.part('signer-c').stop();
    const to = await bank();
    const paid = { owner: 'alpha', wallet: 'alpha-eth', asset: cast.eth, to, amount: ether / 10n };
    const { id } = await bulkhead.pay(paid);
    expect(await signedBy(id)).toEqual(['signer-a', 'signer-d']);
  });
});
