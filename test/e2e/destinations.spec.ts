/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import type { Act, Rules } from '@bulkhead/charter';
import { REGTEST, type ChainId } from '@bulkhead/intent';
import { getAddress, hashMessage, Wallet } from 'ethers';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { CharterIntentView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { ETHEREUM, type Cast } from '../../apps/cli/src/story/cast.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { bulkheadCli } from '../support/bulkhead-cli.js';
import { Bulkhead } from '../support/bulkhead.js';
import { outsideHolder } from '../support/signed-messages.js';

jest.setTimeout(60_000); // real processes on a busy machine

interface DestinationView {
  readonly id: string;
  readonly address: string;
  readonly state: string;
  readonly category: string;
  readonly ownership: string;
  readonly looksLike: string | null;
  readonly usableFrom: string;
  readonly revokedAt: string | null;
  readonly testPaidAt: string | null;
}
type Approval = Extract<Act, { kind: 'destination.approve' }>;

let bulkhead: Bulkhead;
let cast: Cast;
let scene: Scene;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  ({ cast } = bulkhead);
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', [500_000n, 500_000n]);
}, 180_000);
afterAll(() => bulkhead.stop());

const approval = (address: string, changes: Partial<Approval> = {}): Approval => ({
  kind: 'destination.approve',
  id: randomUUID(),
  owner: 'alpha',
  chain: address.startsWith('0x') ? ETHEREUM : REGTEST,
  address,
  label: 'somebody',
  ...changes,
});
const propose = (act: Approval): Promise<CharterIntentView> => cast.client.proposeAct(cast.olivia, act, act.owner);
const codeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt;
    return 'accepted';
  } catch (error) {
    if (error instanceof ApiRefusal) return error.problem.code;
    throw error;
  }
};
const viewOf = async (address: string): Promise<DestinationView | undefined> => {
  const all = await bulkhead.get<DestinationView[]>('/v1/destinations?owner=alpha');
  return all.findLast((one) => one.address === address);
};
const messageFor = async (chain: ChainId, address: string, owner = 'alpha'): Promise<string> => {
  const path = `/v1/owners/${owner}/destinations/ownership-message?${new URLSearchParams({ chain, address })}`;
  return (await bulkhead.get<{ message: string }>(path)).message;
};

describe('a proof of ownership, of the text that the API gives,', () => {
  it('is taken as Bitcoin Core signs it', async () => {
    const { rpc } = bulkhead.stack.bitcoind;
    await rpc.call('createwallet', 'holder');
    const holder = rpc.withWallet('holder');
    const address = await holder.call<string>('getnewaddress', '', 'legacy');
    const signature = await holder.call<string>('signmessage', address, await messageFor(REGTEST, address));
    const proof = { kind: 'bip322', signature } as const;
    expect(await codeOf(propose(approval(address, { proof, owner: 'beta' })))).toBe('address.ownership-unproven');
    await cast.enact(approval(address, { proof, category: 'VASP' }), 'alpha');
    expect(await viewOf(address)).toMatchObject({ ownership: 'PROVEN', category: 'VASP', state: 'USABLE' });
  });

  it('is taken from an account', async () => {
    const account = Wallet.createRandom();
    const signature = account.signMessageSync(await messageFor(ETHEREUM, account.address.toLowerCase()));
    await cast.enact(approval(account.address, { proof: { kind: 'eip191', signature } }), 'alpha');
    expect(await viewOf(account.address)).toMatchObject({ ownership: 'PROVEN', category: 'SELF_HOSTED' });
  });

  it('is asked of a contract by our node, and is a claim then', async () => {
    const { rpc } = bulkhead.stack.anvil;
    const contract = getAddress(`0x${'c0de'.repeat(10)}`);
    // answers EIP-1271's magic value when the hash is the one in its first slot, and zero else
    await rpc.call('anvil_setCode', contract, '0x60005460043514631626ba7e60e01b0260005260206000f3');
    await rpc.call(
      'anvil_setStorageAt',
      contract,
      `0x${'0'.repeat(64)}`,
      hashMessage(await messageFor(ETHEREUM, contract)),
    );
    const proof = { kind: 'eip1271', signature: '0x' } as const;
    expect(await codeOf(propose(approval(contract, { proof, owner: 'beta' })))).toBe('address.ownership-unproven');
    expect(await codeOf(propose(approval(Wallet.createRandom().address, { proof })))).toBe(
      'address.ownership-unproven',
    );
    await cast.enact(approval(contract, { proof }), 'alpha');
    expect(await viewOf(contract)).toMatchObject({ ownership: 'CLAIMED' });
  });

  it('has a text for an owner and an address that exist only', async () => {
    expect(await codeOf(messageFor(REGTEST, scene.strangerBitcoin, 'nobody'))).toBe('request.not-found');
    expect(await codeOf(messageFor(REGTEST, 'nonsense'))).toBe('address.malformed');
    expect(await codeOf(messageFor('eip155:1', scene.alphaEthereumDestination))).toBe('address.wrong-network');
  });
});

describe('a destination that looks like a known one', () => {
  it('is approved by everybody only, and says what it looks like', async () => {
    const known = scene.alphaEthereumDestination;
    const twin = getAddress(`${known.slice(0, 6)}${'7'.repeat(32)}${known.slice(-4)}`.toLowerCase());
    let view = await propose(approval(twin));
    for (const member of [cast.omar, cast.carla]) view = await cast.client.approveAct(member, view);
    expect(view.status).toBe('PENDING_APPROVAL');
    view = await cast.client.approveAct(cast.oskar, view);
    expect(view.status).toBe('ENACTED');
    expect(await viewOf(twin)).toMatchObject({ looksLike: getAddress(known) });
  });
});

describe('from a terminal', () => {
  it('a destination is requested with its proof, listed and revoked', async () => {
    const { root } = bulkhead.stack;
    const run = async (...args: string[]): Promise<string> => {
      const { status, output, error } = await bulkheadCli(root, ...args);
      expect([status, error]).toEqual([0, '']);
      return output;
    };
    const holder = outsideHolder('a holder');
    const about = ['--owner', 'alpha', '--address', holder.address];
    const proof = holder.sign(await run('destination', 'message', ...about));
    const said = await run(
      ...['destination', 'request', ...about, '--label', 'A holder', '--proof', proof, '--approve', 'omar,carla'],
    );
    expect(said).toContain('is ENACTED');
    expect(said).toContain('ownership: PROVEN');
    expect(await run('destinations')).toMatch(new RegExp(`alpha\\s+USABLE\\s+${holder.address}\\s+A holder`));
    expect(await run('destination', 'revoke', ...about)).toContain('is ENACTED');
    expect(await viewOf(holder.address)).toMatchObject({ state: 'REVOKED' });
  });
});

describe('an address under management', () => {
  it('is refused as a destination when it is proposed', async () => {
    for (const wallet of ['house-btc', 'beta-btc', 'alpha-btc'])
      expect(await codeOf(propose(approval(await cast.freshAddress(wallet))))).toBe('charter.address-managed');
    for (const address of [scene.treasuryAddress, scene.betaSafe, scene.gasPayer])
      expect(await codeOf(propose(approval(address)))).toBe('charter.address-managed');
  });
});

describe('a destination that cools', () => {
  const pay = (to: string, changes: Partial<TransferWish> = {}): TransferWish => ({
    owner: 'alpha',
    wallet: 'alpha-btc',
    asset: cast.btc,
    to,
    amount: 9_000n,
    maxFee: 20_000n,
    ...changes,
  });

  it('is tried with a test payment that settles, is paid by nothing else, and is gone once revoked', async () => {
    const { rules } = await bulkhead.get<{ rules: Rules }>('/v1/charter');
    const cooling = { ...rules, delaySeconds: { ...rules.delaySeconds, 'destination.approve': 3_600 } };
    await cast.enact({ kind: 'rules.set', rules: cooling });
    const to = scene.strangerBitcoin;
    await cast.enact(approval(to), 'alpha');
    expect(await viewOf(to)).toMatchObject({ state: 'COOLING', testPaidAt: null });

    expect(await codeOf(bulkhead.propose(pay(to)))).toBe('destination.cooling');
    const test = { purpose: 'TEST_PAYMENT' } as const;
    expect(await codeOf(bulkhead.propose(pay(to, { ...test, amount: 10_001n })))).toBe(
      'segregation.test-payment-over-cap',
    );
    const own = await cast.freshAddress('alpha-btc');
    expect(await codeOf(bulkhead.propose(pay(own, test)))).toBe('segregation.purpose-not-allowed');

    const view = await cast.client.approveTransfer(cast.omar, await bulkhead.propose(pay(to, test)));
    expect((await bulkhead.untilState(view.id, 'SETTLED', { mining: true })).intent.purpose).toBe('TEST_PAYMENT');
    expect(await viewOf(to)).toMatchObject({ state: 'COOLING', testPaidAt: expect.any(String) });

    const revoke: Act = { kind: 'destination.revoke', owner: 'alpha', chain: REGTEST, address: to };
    await cast.client.enact(revoke, cast.olivia, [cast.omar], 'alpha');
    expect(await viewOf(to)).toMatchObject({ state: 'REVOKED', revokedAt: expect.any(String) });
    expect(await codeOf(bulkhead.propose(pay(to)))).toBe('segregation.unknown-destination');
    expect(await codeOf(bulkhead.propose(pay(to, test)))).toBe('segregation.unknown-destination');
  });
});
