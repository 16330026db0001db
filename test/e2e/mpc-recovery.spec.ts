import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { EVERY_SIGNER, type SignerName } from '../../apps/cli/src/stack/index.js';
import { bitcoinNode, type TestBitcoinNode } from '../support/bitcoin-node.js';
import { keyAct } from '../support/key-acts.js';
import { MpcFirm } from '../support/mpc-firm.js';
import { bulkhead } from '../support/run-bulkhead.js';

jest.setTimeout(300_000);

/** The firm's databases, configuration and processes are gone. What is left is a kit, tokens and a node. */
describe('recovery of an MPC wallet from a kit and the tokens', () => {
  let node: TestBitcoinNode;
  let firm: MpcFirm;
  let bench: string;
  const file = (name: string): string => join(bench, name);
  beforeAll(async () => {
    bench = mkdtempSync(join(tmpdir(), 'bulkhead-mpc-recovery-'));
    [node, firm] = await Promise.all([bitcoinNode('mpc-recovery'), MpcFirm.start()]);
    for (const amountSat of [300_000n, 200_000n]) await node.faucet.pay(firm.wallet().address, amountSat);
    await node.faucet.mine(1);
    await firm.enrolSpare();
    // what lies in the tokens is of the members and of the epoch that are in force, whatever was before
    await firm.permit(['signer-b', 'signer-c', 'signer-d'], 2, EVERY_SIGNER);
    await firm.switchTo(orThrow(await firm.reshare(['signer-a', 'signer-b'])), EVERY_SIGNER);
    orThrow(await firm.carrier.release('alpha-tap', ['signer-b', 'signer-c', 'signer-d'], EVERY_SIGNER));
    orThrow(await firm.carrier.refresh(await firm.group()));
    const { charter, stack } = firm.processes;
    charter.append(keyAct(firm.wallet(), 'key.suspend', 'signer-b'));
    writeFileSync(file('entries.json'), JSON.stringify(charter.entries));
    const { olivia, omar, carla } = charter.members;
    for (const { id, privateKeyPem } of [olivia, omar, carla])
      writeFileSync(file(`${id}.pem`), privateKeyPem, { mode: 0o600 });
    for (const id of EVERY_SIGNER) writeFileSync(file(`${id}.json`), JSON.stringify(stack.tokens[id].profile));
    await stack.stop();
    for (const lost of [stack.layout.postgres, stack.layout.config, stack.layout.tls])
      rmSync(lost, { recursive: true, force: true });
    const made = await bulkhead('kit', '--client', 'alpha', '--out', file('alpha.kit'), ...entries());
    expect(made).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    await Promise.all([node.remove(), firm.processes.stop()]);
    rmSync(bench, { recursive: true, force: true });
  });

  const entries = (): string[] => ['--entries', file('entries.json'), '--firm', firm.processes.charter.firm];
  const known = (): string[] => ['--kit', file('alpha.kit'), '--firm', firm.processes.charter.firm];
  const bitcoin = (): string[] => ['--bitcoind', node.url, '--cookie', node.credentialsFile];
  const as = (member: string): string[] => ['--as', member, '--key-file', file(`${member}.pem`)];

  function sweepWith(...signers: readonly SignerName[]) {
    const { tokens } = firm.processes.stack;
    const places = signers.map((signer) => ({
      signer,
      profileFile: `${signer}.json`,
      label: tokens[signer].label,
      pinFile: tokens[signer].pinFile,
      env: { SOFTHSM2_CONF: tokens[signer].configFile },
    }));
    writeFileSync(file('tokens.json'), JSON.stringify(places));
    const order = ['--request', file('sweep.json'), '--tokens', file('tokens.json')];
    return bulkhead('recover', 'sweep', ...known(), ...order, ...bitcoin());
  }

  it('finds the wallet and what it holds', async () => {
    const shown = await bulkhead('recover', ...known(), ...bitcoin());
    expect(shown).toMatchObject({ status: 0, output: expect.stringContaining('holds 0.005 BTC in 2 coins') });
    expect(shown.output).toContain(firm.wallet().address);
  });

  it('signs nothing before the quorum has approved', async () => {
    const wish = ['--wallet', 'alpha-tap', '--to', firm.payee, '--out', file('sweep.json')];
    expect(await bulkhead('recover', 'propose', ...known(), ...bitcoin(), ...as('olivia'), ...wish)).toMatchObject({
      status: 0,
    });
    await bulkhead('recover', 'approve', ...known(), ...as('omar'), '--request', file('sweep.json'));
    expect(await sweepWith('signer-c', 'signer-d')).toMatchObject({
      status: 1,
      output: expect.stringContaining('approval.quorum-not-met'),
    });
    await bulkhead('recover', 'approve', ...known(), ...as('carla'), '--request', file('sweep.json'));
  });

  it('takes as many tokens as the threshold, and none of a signer that has left the group', async () => {
    expect(await sweepWith('signer-c')).toMatchObject({
      status: 1,
      output: expect.stringContaining('1 tokens have shares of one group of alpha-tap, and 2 are needed'),
    });
    const withOld = await sweepWith('signer-a', 'signer-c');
    expect(withOld).toMatchObject({ status: 1, output: expect.stringContaining('and 2 are needed') });
  });

  it('takes no share of a member whose key is suspended, though its token is there', async () => {
    expect(await sweepWith('signer-b', 'signer-c')).toMatchObject({
      status: 1,
      output: expect.stringContaining('1 tokens have shares of one group of alpha-tap, and 2 are needed'),
    });
  });

  it('leaves out a token that cannot be opened, and says why', async () => {
    rmSync(file('signer-c.json'));
    const lost = await sweepWith('signer-c', 'signer-d');
    expect(lost).toMatchObject({ status: 1, output: expect.stringContaining('1 tokens have shares of one group') });
    expect(lost.output).toMatch(/signer-c: \S+signer-c\.json cannot be read: there is no such file/);
    writeFileSync(file('signer-c.json'), JSON.stringify(firm.processes.stack.tokens['signer-c'].profile));
  });

  it('sweeps the wallet with the tokens of two of its members', async () => {
    const sent = await sweepWith('signer-c', 'signer-d');
    expect(sent).toMatchObject({ status: 0, output: expect.stringContaining('signed by signer-c, signer-d') });
    const txid = /sent as ([0-9a-f]{64})/.exec(sent.output)?.[1];
    await node.faucet.mine(1);
    expect(await node.rpc.call('getrawtransaction', txid, true)).toMatchObject({
      confirmations: 1,
      vout: [{ scriptPubKey: { address: firm.payee } }],
    });
  });
});
