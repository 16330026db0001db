import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Approval, Decision, Statement, WebauthnKey } from '@bulkhead/approval';
import type { Act } from '@bulkhead/charter';
import type { Digest } from '@bulkhead/intent';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { CharterIntentView, TransferView } from '../../apps/cli/src/api/custody-client.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';
import { HOUR_MS, instant } from '../support/members.js';
import { findChromium, PasskeyBrowser } from '../support/passkey-browser.js';

jest.setTimeout(180_000); // a whole stack and a browser on a busy machine

const chromium = findChromium();

interface Registration {
  readonly key: WebauthnKey;
  readonly act: Extract<Act, { kind: 'member-key.enrol' }>;
  readonly attestation: {
    readonly format: string;
    readonly aaguid: string;
    readonly certificates: readonly string[];
  };
}

const OTHER = 'ab'.repeat(32) as Digest;

/** Any page of the orchestrator's will do; this one, unlike /docs, costs Chromium next to nothing. */
const PAGE = '/health';

describe('a member’s passkey, made in a real browser', () => {
  let bulkhead: Bulkhead;
  let scene: Scene;
  let browser: PasskeyBrowser;
  let elsewhere: Server;
  let origin: string;
  let registration: Registration;

  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ scene: true });
    scene = await bulkhead.setTheScene();
    await bulkhead.fundBitcoin('alpha-btc', Array<bigint>(9).fill(1_000_000n));
    origin = `http://localhost:${bulkhead.stack.ports.orchestrator}`;
    browser = await PasskeyBrowser.start(chromium, `${origin}${PAGE}`);
    elsewhere = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<title>another page</title>');
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  }, 300_000);
  afterAll(async () => {
    elsewhere.close();
    await browser.stop();
    await bulkhead.stop();
  }, 60_000);

  const post = <T>(path: string, body: unknown, member: 'oskar' | 'omar' = 'oskar'): Promise<T> =>
    bulkhead.cast.client.api.post<T>(path, bulkhead.cast[member].apiToken, body);
  const options = (): Promise<object> => post<object>('/v1/passkeys/registration-options', {});

  /** Does it on a page of the same domain and another origin: the one thing a phisher there cannot hide. */
  async function onAnotherPage<T>(use: () => Promise<T>): Promise<T> {
    const { port } = elsewhere.address() as AddressInfo;
    await browser.goTo(`http://localhost:${port}/`);
    try {
      return await use();
    } finally {
      await browser.goTo(`${origin}${PAGE}`);
    }
  }

  /** The refusal's code, or `accepted`. */
  async function codeOf(call: Promise<unknown>): Promise<string> {
    try {
      await call;
      return 'accepted';
    } catch (error) {
      if (error instanceof ApiRefusal) return error.problem.code;
      throw error;
    }
  }

  const propose = (): Promise<TransferView> =>
    bulkhead.propose({
      owner: 'alpha',
      wallet: 'alpha-btc',
      asset: bulkhead.cast.btc,
      to: scene.alphaBitcoinDestination,
      amount: 100_000n,
      maxFee: 20_000n,
    });
  const statementOn = ({ toApprove }: TransferView, decision: Decision = 'APPROVE'): Statement => ({
    v: 1,
    decision,
    ...toApprove!,
    member: 'oskar',
    key: 'oskar-passkey',
    expiresAt: instant(HOUR_MS),
  });
  const send = (view: TransferView, approval: Approval): Promise<TransferView> =>
    post<TransferView>(`/v1/transfers/${view.id}/approvals`, { approval });
  const approveByPasskey = async (view: TransferView): Promise<TransferView> =>
    send(view, await browser.say(registration.key, statementOn(view)));

  it('is registered with its attestation, on this page, for this member, with a challenge that is used once', async () => {
    const asked = await options();
    const credential = await browser.register(asked);
    const body = { keyId: 'oskar-passkey', credential };
    expect(await codeOf(post('/v1/passkeys/registrations', body, 'omar'))).toBe('passkey.challenge-unknown');
    registration = await post<Registration>('/v1/passkeys/registrations', body);
    expect(registration.key).toMatchObject({ scheme: 'webauthn', rpId: 'localhost', origins: [origin] });
    expect(registration.act).toEqual({ kind: 'member-key.enrol', member: 'oskar', key: registration.key });
    expect(await codeOf(post('/v1/passkeys/registrations', body))).toBe('passkey.challenge-unknown');
    const [row] = await bulkhead.query<{ format: string; bytes: number }>(
      'select format, length(attestation_object) as bytes from passkey_registration where credential = $1',
      registration.key.credentialId,
    );
    expect(row).toEqual({ format: registration.attestation.format, bytes: expect.any(Number) });
    expect(row!.bytes).toBeGreaterThan(100);
  });

  it('is not registered from another page', async () => {
    const asked = (await options()) as { user: object };
    // as another user, or the authenticator would put it in place of the one that it has
    const user = { ...asked.user, id: 'c29tZWJvZHk' };
    const there = await onAnotherPage(() => browser.register({ ...asked, user, excludeCredentials: [] }));
    expect(await codeOf(post('/v1/passkeys/registrations', { keyId: 'other', credential: there }))).toBe(
      'passkey.registration-invalid',
    );
  });

  it('is not registered by a device that cannot verify its user, whatever the page asked for', async () => {
    const device = await PasskeyBrowser.start(chromium, `${origin}${PAGE}`, false);
    try {
      const asked = await options();
      await expect(device.register(asked)).rejects.toThrow(/NotAllowedError/);
      const credential = await device.register({
        ...asked,
        authenticatorSelection: { residentKey: 'discouraged', userVerification: 'discouraged' },
      });
      expect(await codeOf(post('/v1/passkeys/registrations', { keyId: 'other', credential }))).toBe(
        'passkey.registration-invalid',
      );
      // and its challenge is used up
      expect(await codeOf(post('/v1/passkeys/registrations', { keyId: 'other', credential }))).toBe(
        'passkey.challenge-unknown',
      );
    } finally {
      await device.stop();
    }
  });

  it('gives no right by being registered', async () => {
    expect(await codeOf(approveByPasskey(await propose()))).toBe('approval.unknown-key');
  });

  it('approves the exact bytes of a transfer once a quorum has enrolled it, and the signers settle it', async () => {
    await bulkhead.cast.enact(registration.act);
    const { client, omar } = bulkhead.cast;
    const view = await propose();
    await client.approveTransfer(omar, view);
    expect((await approveByPasskey(view)).state).toBe('READY');
    const settled = await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
    expect(settled.approvals).toEqual([
      { member: 'omar', decision: 'APPROVE', stands: true },
      { member: 'oskar', decision: 'APPROVE', stands: true },
    ]);
  });

  it('approves no other bytes than those that it signed for', async () => {
    const view = await propose();
    const statement = statementOn(view);
    const ofOtherBytes = await browser.say(registration.key, { ...statement, payload: OTHER });
    expect(await codeOf(send(view, ofOtherBytes))).toBe('approval.payload-mismatch');
    expect(await codeOf(send(view, { ...ofOtherBytes, statement }))).toBe('approval.assertion-mismatch');
    const rejection = await browser.say(registration.key, statementOn(view, 'REJECT'));
    expect(await codeOf(send(view, { ...rejection, statement }))).toBe('approval.assertion-mismatch');
  });

  it('approves nothing from another page', async () => {
    const view = await propose();
    const phished = await onAnotherPage(() => browser.say(registration.key, statementOn(view)));
    expect(await codeOf(send(view, phished))).toBe('approval.assertion-mismatch');
  });

  it('approves nothing when its user was not verified, whatever the page asked for', async () => {
    const view = await propose();
    const unverified = await browser.unverified(async () => {
      await expect(browser.say(registration.key, statementOn(view))).rejects.toThrow(/NotAllowedError/);
      return browser.say(registration.key, statementOn(view), 'discouraged');
    });
    expect(await codeOf(send(view, unverified))).toBe('approval.user-not-verified');
  });

  it('takes its approval back before the quorum is complete, for good', async () => {
    const { client, omar, carla } = bulkhead.cast;
    const view = await propose();
    const approval = await browser.say(registration.key, statementOn(view));
    await send(view, approval);
    expect(await codeOf(send(view, approval))).toBe('approval.duplicate');
    const withdrawn = await send(view, await browser.say(registration.key, statementOn(view, 'WITHDRAW')));
    expect(withdrawn.approvals.map(({ stands }) => stands)).toEqual([false, false]);
    expect(await codeOf(send(view, approval))).toBe('approval.withdrawn');
    expect((await client.approveTransfer(omar, view)).state).toBe('PENDING_APPROVAL');
    expect(await codeOf(client.approveTransfer(carla, view))).toBe('approval.not-eligible');
    await client.cancelTransfer(bulkhead.cast.olivia, view);
  });

  it('is refused when its counter has not risen: a copy of it is in use', async () => {
    const view = await propose();
    const counterOf = async (): Promise<number> => {
      const [row] = await bulkhead.query<{ count: string }>(
        'select count from webauthn_counter where credential = $1',
        registration.key.credentialId,
      );
      return Number(row!.count);
    };
    const before = await counterOf();
    expect(before).toBeGreaterThan(0);
    await browser.replaceByCopies(before - 1);
    expect(await codeOf(approveByPasskey(view))).toBe('approval.counter-replayed');
    expect(await counterOf()).toBe(before);
    expect((await bulkhead.cast.client.transfer(bulkhead.cast.olivia, view.id)).approvals).toEqual([]);
    await browser.replaceByCopies(before + 50);
    expect(await codeOf(approveByPasskey(view))).toBe('accepted');
    expect(await counterOf()).toBe(before + 51);
  });

  it('opens an intent, of a transfer and of a change of the charter', async () => {
    const { client, olivia, omar, oskar, carla } = bulkhead.cast;
    const byPasskey = (statement: Statement): Promise<Approval> =>
      browser.say(registration.key, { ...statement, key: 'oskar-passkey' });
    const signed = await client.signIntent(oskar, {
      owner: 'alpha',
      wallet: 'alpha-btc',
      asset: bulkhead.cast.btc,
      to: scene.alphaBitcoinDestination,
      amount: 100_000n,
      maxFee: 20_000n,
    });
    const { intent } = signed;
    const other = await byPasskey({ ...signed.proposal.statement, intent: OTHER, payload: OTHER });
    expect(await codeOf(post('/v1/transfers', { intent, proposal: other }))).toBe('approval.intent-mismatch');
    const proposal = await byPasskey(signed.proposal.statement);
    const view = await post<TransferView>('/v1/transfers', { intent, proposal });
    await client.approveTransfer(olivia, view);
    expect((await client.approveTransfer(omar, view)).state).toBe('READY');
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });

    // what the device would have signed, signed by the passkey in its place
    const charter = await client.charter(oskar);
    const act: Act = { kind: 'client.open', owner: { id: 'by-key', name: 'Key' } };
    const draft = client.signAct(oskar, charter, act, 'by-key');
    const opened = await post<CharterIntentView>('/v1/charter/intents', {
      intent: draft.intent,
      proposal: await byPasskey(draft.proposal.statement),
    });
    expect(opened.status).toBe('PENDING_APPROVAL');
    await client.approveAct(omar, opened);
    expect((await client.approveAct(carla, opened)).status).toBe('ENACTED');
  });

  it('is taken once, however often and fast it is sent', async () => {
    const asked = (await options()) as { user: object };
    const credential = await browser.register({
      ...asked,
      user: { ...asked.user, id: 'cmFjZQ' },
      excludeCredentials: [],
    });
    const body = { keyId: 'raced', credential };
    const registered = await Promise.all(
      Array.from({ length: 5 }, () => codeOf(post('/v1/passkeys/registrations', body))),
    );
    expect(registered.toSorted()).toEqual(['accepted', ...Array<string>(4).fill('passkey.challenge-unknown')]);

    const view = await propose();
    const approval = await browser.say(registration.key, statementOn(view));
    const counted = await Promise.all(Array.from({ length: 5 }, () => codeOf(send(view, approval))));
    expect(counted.toSorted()).toEqual(['accepted', ...Array<string>(4).fill('approval.duplicate')]);
    const words = (await bulkhead.cast.client.transfer(bulkhead.cast.olivia, view.id)).approvals;
    expect(words).toEqual([{ member: 'oskar', decision: 'APPROVE', stands: true }]);
  });

  it('shows where it comes from to whoever approves its enrolment', async () => {
    const { client, olivia } = bulkhead.cast;
    const asked = (await options()) as { user: object };
    const credential = await browser.register({
      ...asked,
      user: { ...asked.user, id: 'c2hvd24' },
      excludeCredentials: [],
    });
    const { act, attestation } = await post<Registration>('/v1/passkeys/registrations', { keyId: 'shown', credential });
    const view = await client.proposeAct(olivia, act);
    expect(view.attestation).toMatchObject({ format: attestation.format, aaguid: attestation.aaguid });
    expect(view.attestation!.certificates.map(({ subject }) => subject)).toEqual(
      attestation.certificates.map((): unknown => expect.stringMatching(/CN=/)),
    );
  });

  it('is registered only from an authenticator that the firm trusts, once it names any', async () => {
    const { part, layout } = { part: bulkhead.stack.part('orchestrator'), layout: bulkhead.stack.layout };
    const file = join(layout.config, 'orchestrator.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as { passkeys: object };
    const registeredWhere = async (trustedAuthenticators: readonly string[]): Promise<string> => {
      const passkeys = { ...config.passkeys, trustedAuthenticators };
      writeFileSync(file, JSON.stringify({ ...config, passkeys }), { mode: 0o600 });
      await part.restart();
      await browser.goTo(`${origin}${PAGE}`);
      const asked = (await options()) as { user: object };
      const user = { ...asked.user, id: randomBytes(8).toString('base64url') };
      const credential = await browser.register({ ...asked, user, excludeCredentials: [] });
      return codeOf(post('/v1/passkeys/registrations', { keyId: 'trusted', credential }));
    };
    const { aaguid, certificates } = registration.attestation;
    expect(certificates.length).toBeGreaterThan(0);
    expect(await registeredWhere(['ee882879-721c-4913-9775-3dfcce97072a'])).toBe('passkey.authenticator-not-trusted');
    expect(await registeredWhere([aaguid])).toBe('accepted');
  });
});
