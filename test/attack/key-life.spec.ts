import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { finalisePsbt } from '@bulkhead/bitcoin';
import { bitcoinSpec } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import type { SignerClient } from '../../apps/orchestrator/src/signers/signer-client.js';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { enactAfter, keyAct } from '../support/key-acts.js';
import { bytesOf, codeOf } from '../support/outcome.js';
import type { SignerStack } from '../support/signer-stack.js';

jest.setTimeout(120_000); // real processes on a busy machine

const ACTIVATE_S = 3;
const DESTROY_S = 3;

let alpha: AlphaPayments;
let freezeFile: string;
beforeAll(async () => {
  const rules = { delaySeconds: { 'key.activate': ACTIVATE_S, 'key.destroy': DESTROY_S } };
  alpha = await AlphaPayments.start({ three: true, genesis: { rules }, overrides });
});
afterAll(() => alpha.processes.stop());

/** The operator of signer A can freeze it; that of signer C lets it make two keys that nobody has opened a wallet for. */
function overrides({ stack }: SignerStack): Partial<Record<SignerName, object>> {
  freezeFile = join(stack.root, 'signer-a.freeze');
  return { 'signer-a': { freezeFile }, 'signer-c': { maxUnopenedKeys: 2 } };
}

const wallet = () => alpha.firm.bitcoin.alpha;
const payment = () => alpha.request(alpha.honest());
const signed = async (client: SignerClient, request = payment()) => codeOf(await client.signTransfer(request));
const bring = async (...clients: SignerClient[]) => {
  for (const client of clients) orThrow(await client.pushEntries(alpha.charter.entries));
};
const bringAll = () => bring(alpha.a, alpha.b, alpha.c);
const proof = async (client: SignerClient, id: string) =>
  codeOf(await client.proveControl({ nonce: 'ab'.repeat(32), wallet: id, address: 'bcrt1qexample' }));
const publicKeyAt = (signer: string) => wallet().keys.find((key) => key.signer === signer)?.publicKey ?? '';
/** What is in the token, by label. */
const tokenOf = async (client: SignerClient) =>
  orThrow(await client.keyReport())
    .keys.filter(({ inToken }) => inToken)
    .map(({ label }) => label)
    .sort();
const reported = async (client: SignerClient, publicKey: string) =>
  orThrow(await client.keyReport()).keys.find((key) => key.publicKey === publicKey);

/** An orchestrator that is taken over asks signers whatever it likes; what becomes of keys is the charter's to say. */
describe('a signer whose key is suspended', () => {
  it('signs nothing with it, whoever asks and with whatever approvals; the other two pay', async () => {
    alpha.charter.append(keyAct(wallet(), 'key.suspend', 'signer-a'));
    await bringAll();
    const payload = alpha.honest();
    const request = alpha.request(payload);
    expect(await signed(alpha.a, request)).toBe('key.suspended');
    const answers = [orThrow(await alpha.b.signTransfer(request)), orThrow(await alpha.c.signTransfer(request))];
    const signatures = answers.flatMap(({ signatures: made }) =>
      made.map(({ inputIndex, publicKey, signature }) => ({
        inputIndex: inputIndex ?? 0,
        publicKey,
        signature: bytesOf(signature),
      })),
    );
    expect(codeOf(finalisePsbt(payload.psbt, bitcoinSpec(wallet()), signatures))).toBe('accepted');
  });

  it('does not show either that it holds it; its keys of other wallets work', async () => {
    expect(await proof(alpha.a, 'alpha-btc')).toBe('key.suspended');
    expect(await proof(alpha.b, 'alpha-btc')).toBe('accepted');
    expect(await proof(alpha.a, 'beta-btc')).toBe('accepted');
  });

  it('is told by the others when the orchestrator keeps the suspension from it', async () => {
    alpha.charter.append(keyAct(wallet(), 'key.suspend', 'signer-b'));
    await bring(alpha.a, alpha.c);
    expect(await signed(alpha.b)).toBe('key.suspended');
    await bringAll();
  });

  it('signs again once it is activated, and not before the delay is over', async () => {
    const { intent } = alpha.charter.append(keyAct(wallet(), 'key.activate', 'signer-b'));
    const early = alpha.charter.entry({ kind: 'pending.enact', intent: intent.id });
    await bringAll();
    expect(await signed(alpha.b)).toBe('key.suspended');
    expect(codeOf(await alpha.b.pushEntries([early]))).toBe('charter.delay-not-over');
    expect(await signed(alpha.b)).toBe('key.suspended');
    enactAfter(alpha.charter, intent.id, ACTIVATE_S + 1);
    await bringAll();
    // its delay passes by the signer's own clock too
    await until('a signature', async () => ((await signed(alpha.b)) === 'accepted' ? true : undefined));
  });
});

describe('a signer’s keys', () => {
  it('are reported with what the signer has recorded: made, used, and what the token says', async () => {
    const used = await reported(alpha.b, publicKeyAt('signer-b'));
    expect(used).toMatchObject({
      keyClass: 'QUORUM',
      wallet: 'alpha-btc',
      state: 'ACTIVE',
      inToken: true,
      problem: null,
    });
    expect(used?.attributes).toMatchObject({
      sensitive: true,
      extractable: false,
      neverExtractable: true,
      local: true,
    });
    expect(used?.uses).toBe(2);
    expect(used?.createdAt).toMatch(/^20/);
    expect((used?.lastUsedAt ?? '') > (used?.createdAt ?? '')).toBe(true);
    const suspended = await reported(alpha.a, publicKeyAt('signer-a'));
    expect(suspended).toMatchObject({ state: 'SUSPENDED', uses: 0, lastUsedAt: null });
    orThrow(await alpha.a.generateKey('not-open-yet'));
    const early = orThrow(await alpha.a.keyReport()).keys.find(({ label }) => label === 'not-open-yet');
    expect(early).toMatchObject({ state: 'PRE_ACTIVE', isRecorded: true });
  });

  it('are made for so many wallets that nobody has opened, and no more: whoever asks cannot fill the token', async () => {
    const made = async (id: string) => codeOf(await alpha.c.generateKey(id));
    expect([await made('one'), await made('two'), await made('three')]).toEqual([
      'accepted',
      'accepted',
      'keys.too-many-unopened',
    ]);
    expect(await tokenOf(alpha.c)).not.toContain('three');
    expect([await made('one'), await made('alpha-btc')]).toEqual(['accepted', 'accepted']);
  });

  it('are reported to the orchestrator only', async () => {
    const answer = await alpha.processes.client('signer-a', 'signer-b').keyReport();
    expect(codeOf(answer)).toBe('signer.unavailable');
  });
});

describe('a signer that is asked to destroy a key', () => {
  const destroy = async (client: SignerClient, publicKey: string) =>
    codeOf(await client.destroyKey('alpha-btc', publicKey));

  it('refuses without the act: while the key is active, suspended or retired, and while the act waits', async () => {
    const before = await tokenOf(alpha.a);
    expect(await destroy(alpha.b, publicKeyAt('signer-b'))).toBe('charter.key-state');
    expect(await destroy(alpha.a, publicKeyAt('signer-a'))).toBe('charter.key-state');
    alpha.charter.append(keyAct(wallet(), 'key.retire', 'signer-a'));
    await bringAll();
    expect(await signed(alpha.a)).toBe('key.retired');
    expect(await destroy(alpha.a, publicKeyAt('signer-a'))).toBe('charter.key-state');
    const { members } = alpha.charter;
    const small = alpha.charter.entry(keyAct(wallet(), 'key.destroy', 'signer-a'), {
      approvers: [members.omar, members.carla],
    });
    expect(codeOf(await alpha.a.pushEntries([small]))).toBe('approval.quorum-not-met');
    const { intent } = alpha.charter.append(keyAct(wallet(), 'key.destroy', 'signer-a'));
    await bringAll();
    expect(await destroy(alpha.a, publicKeyAt('signer-a'))).toBe('charter.key-state');
    expect(await tokenOf(alpha.a)).toEqual(before);
    enactAfter(alpha.charter, intent.id, ACTIVATE_S + 1 + DESTROY_S + 1);
  });

  it('destroys nothing while its operator has frozen it, whatever the charter says', async () => {
    writeFileSync(freezeFile, '');
    await bring(alpha.a);
    expect(await destroy(alpha.a, publicKeyAt('signer-a'))).toBe('signer.frozen-locally');
    expect(await tokenOf(alpha.a)).toContain('alpha-btc');
    rmSync(freezeFile);
    await alpha.processes.stack.part('signer-a').restart(); // it looks again by itself, then and every 30 seconds
  });

  it('destroys it by itself once the act is in force, and nothing else', async () => {
    const before = await tokenOf(alpha.a);
    const others = [await tokenOf(alpha.b), await tokenOf(alpha.c)];
    await bringAll();
    const gone = await until('the destruction', async () => {
      const key = await reported(alpha.a, publicKeyAt('signer-a'));
      return key?.destroyedAt == null ? undefined : key;
    });
    expect(gone).toMatchObject({ state: 'DESTROYED', inToken: false, wallet: 'alpha-btc' });
    expect(await tokenOf(alpha.a)).toEqual(before.filter((label) => label !== 'alpha-btc'));
    expect([await tokenOf(alpha.b), await tokenOf(alpha.c)]).toEqual(others);
    expect(await signed(alpha.a)).toBe('key.destroyed');
  });

  it('says so again, makes no other in its place, and destroys no key of another wallet or name', async () => {
    expect(await destroy(alpha.a, publicKeyAt('signer-a'))).toBe('accepted');
    expect(codeOf(await alpha.a.generateKey('alpha-btc'))).toBe('key.destroyed');
    const [beta] = alpha.firm.bitcoin.beta.keys;
    expect(codeOf(await alpha.a.destroyKey('beta-btc', beta?.publicKey ?? ''))).toBe('charter.key-state');
    expect(await destroy(alpha.a, beta?.publicKey ?? '')).toBe('charter.key-state');
    expect(await proof(alpha.a, 'beta-btc')).toBe('accepted');
  });

  it('still knows after a restart; what is left of the wallet pays', async () => {
    const part = alpha.processes.stack.part('signer-a');
    await part.kill('SIGKILL');
    await part.start();
    expect(await signed(alpha.a)).toBe('key.destroyed');
    const request = payment();
    expect([await signed(alpha.b, request), await signed(alpha.c, request)]).toEqual(['accepted', 'accepted']);
  });
});
