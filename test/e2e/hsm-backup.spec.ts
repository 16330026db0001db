import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { finalisePsbt, type WalletCoin } from '@bulkhead/bitcoin';
import { bitcoinSpec } from '@bulkhead/charter';
import { verifyTranscript } from '@bulkhead/evidence';
import { orThrow, type Payload } from '@bulkhead/intent';
import { openKeyStore, type KeyBackupFile, type KeyRecord } from '@bulkhead/keys';
import { AlphaPayments, AMOUNT_SAT } from '../support/alpha-payments.js';
import { bitcoinNode, type TestBitcoinNode } from '../support/bitcoin-node.js';
import { CustodianTable, CUSTODIANS } from '../support/custodian-table.js';
import { addressOf } from '../support/custody-firm.js';
import { bytesOf, codeOf, factsOf } from '../support/outcome.js';
import { bulkheadWith, startBulkheadCommand, type Ran } from '../support/run-bulkhead.js';
import { softhsmFolder, softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(300_000); // custodians' passphrases take their time, and real processes theirs

type Place = Pick<SofthsmFolder, 'profile' | 'tokenLabel' | 'pinFile' | 'soPinFile' | 'env'>;
const open = (place: Place) => openKeyStore({ ...place, profile: { ...place.profile, keyBackup: 'wrapped' } });

function atToken(table: CustodianTable, place: Place): string[] {
  return ['--profile', table.profileFile(place), '--token', place.tokenLabel, '--pin-file', place.pinFile];
}
const backUp = (table: CustodianTable, place: Place, out: string): Promise<Ran> =>
  bulkheadWith(place.env, 'hsm', 'backup', ...atToken(table, place), '--wrapping-key', 'backup', '--out', out);
const restore = (table: CustodianTable, place: Place, backup: string): Promise<Ran> =>
  bulkheadWith(place.env, 'hsm', 'restore', ...atToken(table, place), '--backup', backup);

describe('a wrapping key and what is wrapped with it', () => {
  const table = new CustodianTable();
  const backup = table.path('keys.backup');
  const keyIds = ['alpha/one', 'alpha/two', 'beta/one'];
  let from: SofthsmFolder;
  let to: SofthsmFolder;
  const made: KeyRecord[] = [];

  beforeAll(async () => {
    from = await softhsmToken('from');
    to = softhsmFolder('to');
    const store = await open(from);
    for (const keyId of keyIds) made.push(orThrow(await store.generateKey(keyId)));
    await store.close();
  });
  afterAll(() => {
    for (const folder of [from, to]) folder.remove();
    table.clear();
  });

  const changedShare = (custodian: string, name: string, change: (text: string) => string): string => {
    const file = table.path(name);
    writeFileSync(file, change(readFileSync(table.shareFile(custodian), 'utf8')));
    return file;
  };

  it('is not made while a custodian is away, or without a witness', async () => {
    table.createPlan('making', [from]);
    table.takeAway('cleo');
    expect(await table.run('create', 'making')).toMatchObject({
      status: 1,
      output: expect.stringContaining('cleo has given no passphrase'),
    });
    expect(existsSync(table.shares)).toBe(false);
    table.bring('cleo');
    table.takeAwayKey('carla');
    expect(await table.run('create', 'making')).toMatchObject({ status: 1 });
    table.bringKey('carla');
  });

  it('is killed at the moment it is in the token, and taken up again by two custodians', async () => {
    const ceremony = startBulkheadCommand(table.arguments('create', 'making'));
    const ended = once(ceremony, 'exit');
    // the shares are on the disk before anything is in the token
    while (!existsSync(table.shares) && ceremony.exitCode === null) await new Promise((next) => setTimeout(next, 2));
    ceremony.kill('SIGKILL');
    await ended;
    expect(readdirSync(table.shares).sort()).toEqual(CUSTODIANS.map((name) => `${name}.share.json`));
    const { check } = table.share('ada');
    table.takeAway('bert');
    expect(await table.run('create', 'making')).toMatchObject({
      status: 0,
      output: expect.stringMatching(new RegExp(`The ceremony is closed[^]*wrapping key {2}${check}`)),
    });
    table.bring('bert');
  });

  it('is not made over the shares of another', async () => {
    table.createPlan('another', [from], { wrappingKey: 'another' });
    expect(await table.run('create', 'another')).toMatchObject({
      status: 1,
      output: expect.stringContaining('has the shares of another wrapping key'),
    });
  });

  it('is on record, step by step, for anybody to check', async () => {
    const verified = await table.verify('making');
    expect(verified).toMatchObject({ status: 0, output: expect.stringContaining('custodians: 2 of ada, bert, cleo') });
    const text = readFileSync(table.transcript('making'), 'utf8');
    const { signed } = orThrow(verifyTranscript(text));
    expect(signed.at(-1)).toMatchObject({
      id: 'wrapping-key',
      facts: { check: table.share('ada').check, 'check in from': table.share('ada').check },
    });
    const forged = table.transcript('forged');
    writeFileSync(forged, text.replace('2 of ada, bert, cleo', '1 of ada, bert, cleo'));
    expect(await table.verify('forged')).toMatchObject({
      status: 1,
      output: expect.stringContaining('ceremony.tampered'),
    });
  });

  it('is nowhere in the clear: not in a share, the transcript or the plan', () => {
    const all = [...CUSTODIANS.map((name) => table.shareFile(name)), table.transcript('making')];
    const text = all.map((file) => readFileSync(file, 'utf8')).join();
    expect(text).not.toContain('battery staple');
    for (const custodian of CUSTODIANS) expect(readFileSync(table.shareFile(custodian)).length).toBeLessThan(1_200);
  });

  it('wraps every key that may leave, and names those that stay', async () => {
    const strict = await openKeyStore(from);
    orThrow(await strict.generateKey('house/stays'));
    await strict.close();
    const ran = await backUp(table, from, backup);
    expect(ran).toMatchObject({ status: 2, output: expect.stringContaining('stays: house/stays') });
    expect(ran.output).toContain(': 3 keys of token from');
    const { keys, left, check } = JSON.parse(readFileSync(backup, 'utf8')) as KeyBackupFile;
    expect(keys.map(({ record }) => record)).toEqual(made);
    expect(left.map(({ keyId }) => keyId)).toEqual(['house/stays']);
    expect(check).toBe(table.share('ada').check);
    expect(await backUp(table, from, backup)).toMatchObject({
      status: 1,
      output: expect.stringContaining('is there already'),
    });
  });

  it('names the sealing keys and the shares of MPC wallets that it does not have', async () => {
    const token = await softhsmToken('with-share');
    const before = await open(token);
    orThrow(await before.installWrappingKey('backup', randomBytes(32)));
    orThrow(await before.generateKey('alpha/one'));
    await before.close();
    expect(await backUp(table, token, table.path('whole.backup'))).toMatchObject({ status: 0 });
    const store = await open(token);
    orThrow(await store.generateSealKey('frost/alpha-tap/0'));
    const share = orThrow(await store.seal('frost/alpha-tap/0', Buffer.from('alpha-tap'), randomBytes(32)));
    orThrow(await store.keepSealed('frost/alpha-tap/0', share));
    await store.close();
    const ran = await backUp(table, token, table.path('in-part.backup'));
    expect(ran.status).toBe(2);
    expect(ran.output).toContain('stays: frost/alpha-tap/0 (A sealing key never leaves its token.)');
    expect(ran.output).toContain('stays: frost/alpha-tap/0 (A share of an MPC wallet');
    const { keys, left } = JSON.parse(readFileSync(table.path('in-part.backup'), 'utf8')) as KeyBackupFile;
    expect(keys.map(({ record }) => record.keyId)).toEqual(['alpha/one']);
    expect(left).toHaveLength(2);
    token.remove();
  });

  it.each<[string, () => string[], string]>([
    ['fewer custodians than it takes', () => [table.shareFile('ada')], 'backup.shares-too-few'],
    ['one custodian twice', () => [table.shareFile('ada'), table.shareFile('ada')], 'backup.share-repeated'],
    [
      'a share of another deal',
      () => [
        table.shareFile('ada'),
        changedShare('bert', 'other.json', (text) => text.replace(/"set":"[0-9a-f]{4}/, '"set":"0000')),
      ],
      'backup.shares-mixed',
    ],
    [
      'a share that was tampered with',
      () => [
        table.shareFile('ada'),
        changedShare('bert', 'bad.json', (text) =>
          text.replace(/"sealed":"(.)/, (_all, c: string) => `"sealed":"${c === 'A' ? 'B' : 'A'}`),
        ),
      ],
      'backup.share-broken',
    ],
  ])('is not put together from %s', async (what, shares, code) => {
    const name = what.replaceAll(' ', '-');
    table.installPlan(name, [to], shares());
    expect(await table.run('install', name)).toMatchObject({ status: 1, output: expect.stringContaining(code) });
  });

  it('is not put together when only one of two gives a passphrase, or a wrong one, or for another firm', async () => {
    const both = [table.shareFile('ada'), table.shareFile('bert')];
    table.installPlan('one-here', [to], both);
    table.takeAway('bert');
    expect(await table.run('install', 'one-here')).toMatchObject({
      status: 1,
      output: expect.stringContaining('backup.shares-too-few'),
    });
    table.bring('bert', 'a guess at the passphrase');
    expect(await table.run('install', 'one-here')).toMatchObject({
      status: 1,
      output: expect.stringContaining('backup.share-broken'),
    });
    table.bring('bert');
    table.installPlan('another-firm', [to], both, { firm: 'cd'.repeat(32) });
    expect(await table.run('install', 'another-firm')).toMatchObject({
      status: 1,
      output: expect.stringContaining('backup.shares-mixed'),
    });
  });

  it('is not taken from a file that others can read', async () => {
    table.installPlan('open-file', [to], [table.shareFile('ada'), table.shareFile('bert')]);
    rmSync(table.path('passphrases/ada.passphrase'));
    writeFileSync(table.path('passphrases/ada.passphrase'), 'battery staple of ada', { mode: 0o644 });
    expect(await table.run('install', 'open-file')).toMatchObject({
      status: 1,
      output: expect.stringContaining('only its owner may read'),
    });
    table.takeAway('ada');
    table.bring('ada');
  });

  it('is what a token must have before it takes the keys', async () => {
    // made by the ceremonies above, up to the step that failed
    expect(await restore(table, to, backup)).toMatchObject({
      status: 1,
      output: expect.stringContaining('keys.not-found'),
    });
    const store = await open(to);
    orThrow(await store.installWrappingKey('backup', new Uint8Array(32)));
    await store.close();
    expect(await restore(table, to, backup)).toMatchObject({
      status: 1,
      output: expect.stringContaining('backup.wrapping-key-differs'),
    });
    table.installPlan('taken', [to], [table.shareFile('ada'), table.shareFile('bert')]);
    expect(await table.run('install', 'taken')).toMatchObject({
      status: 1,
      output: expect.stringContaining('has another wrapping key backup'),
    });
    to.remove();
    to = softhsmFolder('to');
  });

  it('is put together by two custodians of three for another token', async () => {
    table.installPlan('replacement', [to], [table.shareFile('cleo'), table.shareFile('ada')]);
    expect(await table.run('install', 'replacement')).toMatchObject({
      status: 0,
      output: expect.stringContaining('put together by: cleo, ada'),
    });
    expect(await table.verify('replacement')).toMatchObject({ status: 0 });
  });

  it('is put together at a terminal, which shows no passphrase; whoever types nothing is not there', async () => {
    table.installPlan(
      'at-terminal',
      [to],
      [...CUSTODIANS].map((name) => table.shareFile(name)),
    );
    const typed = { ada: 'battery staple of ada', bert: '', cleo: 'battery staple of clei\u007fo' };
    const ran = await table.atTerminal('install', 'at-terminal', typed);
    expect(ran).toMatchObject({ status: 0, output: expect.stringContaining('put together by: ada, cleo') });
    expect(ran.output).not.toContain('battery');
  });

  it('gives the keys back, interrupted or not, each proven by a signature', async () => {
    const store = await open(to);
    const { keys } = JSON.parse(readFileSync(backup, 'utf8')) as KeyBackupFile;
    orThrow(await store.unwrapKey(keys[1]!)); // as far as an interrupted run came
    await store.close();
    const first = await restore(table, to, backup);
    expect(first).toMatchObject({
      status: 0,
      output: expect.stringContaining('2 keys restored, 1 were there; all 3 have signed'),
    });
    expect(await restore(table, to, backup)).toMatchObject({
      status: 0,
      output: expect.stringContaining('0 keys restored, 3 were there'),
    });
    const again = await open(to);
    for (const { keyId, publicKey } of made)
      expect(orThrow(await again.publicKey(keyId))).toMatchObject({ publicKey, attributes: { extractable: false } });
    await again.close();
  });

  it('does not give a key back from a backup in which a byte was changed, or over another of its name', async () => {
    const forged = table.path('forged.backup');
    const text = readFileSync(backup, 'utf8');
    writeFileSync(forged, text.replace('alpha/one', 'alpha/own'));
    expect(await restore(table, to, forged)).toMatchObject({
      status: 1,
      output: expect.stringContaining('keys.seal-broken'),
    });
    const other = softhsmFolder('other');
    table.installPlan('third', [other], [table.shareFile('bert'), table.shareFile('ada')]);
    expect(await table.run('install', 'third')).toMatchObject({ status: 0 });
    const store = await open(other);
    orThrow(await store.generateKey('alpha/two'));
    await store.close();
    expect(await restore(table, other, backup)).toMatchObject({
      status: 1,
      output: expect.stringContaining('The token has another key alpha/two already'),
    });
    other.remove();
  });

  it('is not for tokens whose profile keeps every key in', async () => {
    const strict = table.path('strict.json');
    writeFileSync(strict, JSON.stringify(from.profile));
    const args = ['--profile', strict, '--token', 'from', '--pin-file', from.pinFile, '--wrapping-key', 'backup'];
    expect(await bulkheadWith(from.env, 'hsm', 'backup', ...args, '--out', table.path('no.backup'))).toMatchObject({
      status: 1,
      output: expect.stringContaining('keyBackup'),
    });
  });
});

describe('a signer whose token is destroyed', () => {
  let alpha: AlphaPayments;
  let node: TestBitcoinNode;
  let table: CustodianTable;
  let old: Place;
  const fresh = softhsmFolder('signer-a');

  beforeAll(async () => {
    node = await bitcoinNode('backup-drill');
    alpha = await AlphaPayments.start({
      overrides: (processes) => ({ 'signer-a': { token: tokenConfig(oldToken(processes)) } }),
    });
    old = oldToken(alpha.processes);
    table = new CustodianTable(alpha.charter.firm, alpha.charter.members);
  });
  afterAll(async () => {
    await alpha.processes.stop();
    await node.remove();
    fresh.remove();
    table.clear();
  });

  const oldToken = ({ stack }: AlphaPayments['processes']): Place => ({
    profile: stack.tokens['signer-a'].profile,
    tokenLabel: 'signer-a',
    pinFile: stack.tokens['signer-a'].pinFile,
    soPinFile: join(stack.layout.token('signer-a'), 'so-pin'),
    env: { SOFTHSM2_CONF: stack.tokens['signer-a'].configFile },
  });
  function tokenConfig({ profile, tokenLabel, pinFile, env }: Place): object {
    const profileFile = join(fresh.folder, 'wrapped.profile.json');
    writeFileSync(profileFile, JSON.stringify({ ...profile, keyBackup: 'wrapped' }));
    return { profileFile, label: tokenLabel, pinFile, env };
  }
  const signer = () => alpha.processes.stack.part('signer-a');

  async function coin(): Promise<WalletCoin> {
    const amountSat = 100_000n;
    const address = addressOf(alpha.firm.bitcoin.alpha, 0);
    const txid = await node.faucet.pay(address, amountSat);
    await node.faucet.mine(1);
    const paid = await node.rpc.call<{ hex: string; vout: { scriptPubKey: { address?: string } }[] }>(
      'getrawtransaction',
      txid,
      2,
    );
    const vout = paid.vout.findIndex(({ scriptPubKey }) => scriptPubKey.address === address);
    return { txid, vout, amountSat, branch: 0, index: 0, previousTransaction: paid.hex };
  }

  /** Signed by both signers, made whole, sent, and in a block: what it paid to alpha's bank. */
  async function pays(payload: Extract<Payload, { kind: 'psbt' }>): Promise<string> {
    const request = alpha.request(payload);
    const answers = [orThrow(await alpha.a.signTransfer(request)), orThrow(await alpha.b.signTransfer(request))];
    const signatures = answers.flatMap((answer) =>
      answer.signatures.map(({ inputIndex, publicKey, signature }) => ({
        inputIndex: inputIndex ?? 0,
        publicKey,
        signature: bytesOf(signature),
      })),
    );
    const { rawTransaction, txid } = orThrow(
      finalisePsbt(payload.psbt, bitcoinSpec(alpha.firm.bitcoin.alpha), signatures),
    );
    await node.rpc.call('sendrawtransaction', rawTransaction);
    await node.faucet.mine(1);
    const { confirmations, vout } = await node.rpc.call<{
      confirmations: number;
      vout: { value: number; scriptPubKey: { address: string } }[];
    }>('getrawtransaction', txid, true);
    expect(confirmations).toBe(1);
    return String(vout.find(({ scriptPubKey }) => scriptPubKey.address === alpha.firm.payee.bitcoin)?.value);
  }
  const AMOUNT_BTC = String(Number(AMOUNT_SAT) / 1e8);

  it('signs on regtest with the first token, whose keys are then backed up', async () => {
    expect(await pays(alpha.honest(undefined, await coin()))).toBe(AMOUNT_BTC);
    await signer().stop();
    table.createPlan('making', [old]);
    expect(await table.run('create', 'making')).toMatchObject({ status: 0 });
    expect(await backUp(table, old, table.path('a.backup'))).toMatchObject({ status: 0 });
    await signer().start();
    expect(await pays(alpha.honest(undefined, await coin()))).toBe(AMOUNT_BTC);
  });

  it('signs again on another token once two custodians of three, the charter and the backup were at it', async () => {
    await signer().stop();
    rmSync(alpha.processes.stack.layout.token('signer-a'), { recursive: true, force: true });
    table.takeAway('bert');
    rmSync(table.shareFile('bert'));
    table.installPlan('replacing', [fresh], [table.shareFile('cleo'), table.shareFile('ada')]);
    expect(await table.run('install', 'replacing')).toMatchObject({ status: 0 });

    alpha.processes.configFile('signer-a', { token: tokenConfig(fresh) });
    await signer().start();
    const payload = alpha.honest(undefined, await coin());
    const onOther = await alpha.a.signTransfer(alpha.request(payload));
    expect(codeOf(onOther)).toBe('signer.wrong-token');
    const { serial: tokenSerial = '' } = factsOf(onOther);
    const entry = alpha.charter.append({ kind: 'signer.move-token', signer: 'signer-a', tokenSerial });
    for (const client of [alpha.a, alpha.b]) orThrow(await client.pushEntries([entry]));
    expect(codeOf(await alpha.a.signTransfer(alpha.request(payload)))).toBe('charter.key-not-held');
    await signer().stop();

    expect(await restore(table, fresh, table.path('a.backup'))).toMatchObject({ status: 0 });
    await signer().start();
    expect(await pays(alpha.honest(undefined, await coin()))).toBe(AMOUNT_BTC);
  });
});
