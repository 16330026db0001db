import { jest } from '@jest/globals';
import { decodeTransaction, finaliseTaprootPsbt, type WalletCoin } from '@bulkhead/bitcoin';
import { taprootSpec } from '@bulkhead/charter';
import { orThrow, REGTEST } from '@bulkhead/intent';
import pg from 'pg';
import { EVERY_SIGNER, type SignerName } from '../../apps/cli/src/stack/index.js';
import { bitcoinNode, type TestBitcoinNode } from '../support/bitcoin-node.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(180_000);

const EVERYBODY = EVERY_SIGNER;

describe('an MPC wallet whose shares go to other members', () => {
  let node: TestBitcoinNode;
  let firm: MpcFirm;
  let address: string;
  beforeAll(async () => {
    [node, firm] = await Promise.all([bitcoinNode('reshare'), MpcFirm.start()]);
    address = firm.wallet().address;
    await firm.enrolSpare();
  });
  afterAll(async () => {
    await Promise.all([node.remove(), firm.processes.stop()]);
  });

  async function deposit(amountSat: bigint): Promise<WalletCoin> {
    const txid = await node.faucet.pay(address, amountSat);
    await node.faucet.mine(1);
    const previousTransaction = await node.rpc.call<string>('getrawtransaction', txid);
    const output = orThrow(decodeTransaction(previousTransaction, REGTEST)).outputs.find(
      (each) => each.address === address,
    );
    if (!output) throw new Error('the deposit is not there');
    return { txid, vout: output.index, amountSat, branch: 1, index: 0, previousTransaction };
  }

  /** Has these members sign, and the node mine it. */
  async function paidBy(members: readonly SignerName[]): Promise<void> {
    const payload = firm.payment([await deposit(90_000n)], 60_000n);
    const signing = await firm.sign(firm.request(payload, 60_000n), members);
    if (!signing.ok) throw new Error(`${signing.refusal.code}: ${signing.refusal.detail}`);
    const signatures = signing.value.map(({ inputIndex, signature }) => ({
      inputIndex,
      signature: Buffer.from(signature, 'hex'),
    }));
    const final = orThrow(finaliseTaprootPsbt(payload.psbt, taprootSpec(firm.wallet()), signatures));
    const txid = await node.rpc.call<string>('sendrawtransaction', final.rawTransaction);
    await node.faucet.mine(1);
    const mined = await node.rpc.call<{ confirmations?: number }>('getrawtransaction', txid, true);
    expect(mined.confirmations).toBe(1);
  }

  /** What a signer's database has of shares: state and whether there is anything sealed, oldest first. */
  async function sharesOf(id: SignerName): Promise<string[]> {
    const database = new pg.Client({ connectionString: firm.processes.stack.postgres.databaseUrl(id) });
    await database.connect();
    const { rows } = await database.query<{ said: string }>(
      `select state || ' ' || epoch || case when sealed is null then '' else ' sealed' end as said from frost_share order by at`,
    );
    await database.end();
    return rows.map(({ said }) => said);
  }

  it('stays at its address when a new signer takes the place of another, and is spendable all the way', async () => {
    await firm.permit(['signer-b', 'signer-c', 'signer-d'], 2, EVERYBODY);
    const keys = orThrow(await firm.reshare(['signer-a', 'signer-b']));
    expect(keys.map(({ signer }) => signer)).toEqual(['signer-b', 'signer-c', 'signer-d']);
    // shares have been dealt, and the old members go on as if nothing had been
    await paidBy(['signer-a', 'signer-c']);
    expect(codeOf(await firm.member('signer-d').group('alpha-tap'))).toBe('mpc.group-unknown');
    await firm.switchTo(keys, EVERYBODY);
    expect(firm.wallet()).toMatchObject({ address, threshold: 2 });
    await paidBy(['signer-c', 'signer-d']);
    await paidBy(['signer-b', 'signer-d']);
  });

  it('is not signed for by whoever has left, whose share is destroyed once all new members use theirs', async () => {
    const request = firm.fresh();
    expect(codeOf(await firm.member('signer-a').promise(request))).toBe('signer.wrong-wallet');
    expect(await sharesOf('signer-a')).toEqual(['ACTIVE 0 sealed']);
    expect(orThrow(await firm.carrier.release('alpha-tap', ['signer-b', 'signer-c', 'signer-d'], EVERYBODY))).toBe(
      true,
    );
    expect(await sharesOf('signer-a')).toEqual(['RETIRED 0']);
    expect(await sharesOf('signer-c')).toEqual(['RETIRED 0', 'ACTIVE 1 sealed']);
    expect(await sharesOf('signer-d')).toEqual(['ACTIVE 1 sealed']);
    await paidBy(['signer-b', 'signer-c']);
  });

  it('is refreshed by its new members, and the signer that left can be retired', async () => {
    const refreshed = orThrow(await firm.carrier.refresh(await firm.group()));
    expect(refreshed).toMatchObject({ epoch: 2, members: ['signer-b', 'signer-c', 'signer-d'] });
    firm.processes.charter.append({ kind: 'signer.retire', signer: 'signer-a' });
    await firm.push(EVERYBODY);
    await paidBy(['signer-b', 'signer-d']);
  });

  it('leaves no work to a signer that is retired: it makes no key, no share and no proof any more', async () => {
    const client = firm.processes.client('signer-a');
    const member = firm.member('signer-a');
    const statement = { nonce: 'ab'.repeat(32), wallet: 'later-btc', address };
    const members = ['signer-a', 'signer-b', 'signer-c'];
    const terms = { purpose: 'generate', session: 'ab'.repeat(32), group: 'later-tap', threshold: 2, members } as const;
    const codes = [
      codeOf(await client.generateKey('later-btc')),
      codeOf(await client.proveControl(statement)),
      codeOf(await member.proveShare({ ...statement, wallet: 'alpha-tap' })),
      codeOf(await member.announce({ ...terms, members })),
    ];
    expect(codes).toEqual(Array.from({ length: 4 }, () => 'charter.signer-retired'));
  });

  it('goes on to another threshold, dealt by some of its members for all', async () => {
    await firm.permit(['signer-b', 'signer-c', 'signer-d'], 3, EVERYBODY);
    const keys = orThrow(await firm.reshare(['signer-c', 'signer-d']));
    await firm.switchTo(keys, EVERYBODY);
    expect(codeOf(await firm.sign(firm.fresh(), ['signer-b', 'signer-d']))).toBe('signer.quorum-unavailable');
    await paidBy(['signer-b', 'signer-c', 'signer-d']);
  });
});
