import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import type { Approval, Decision, Statement, WebauthnKey } from '@bulkhead/approval';
import type { Act } from '@bulkhead/charter';
import type { Digest } from '@bulkhead/intent';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';
import { HOUR_MS, instant } from '../support/members.js';
import { findChromium, PasskeyBrowser } from '../support/passkey-browser.js';

jest.setTimeout(180_000); // a whole stack and a browser on a busy machine

const chromium = findChromium();
if (!chromium) {
  console.error(
    'PASSKEYS ARE NOT TESTED: there is no Chromium. Install it (apt-get install chromium) or name it in BULKHEAD_CHROMIUM.',
  );
}

interface Registration {
  readonly key: WebauthnKey;
  readonly act: Extract<Act, { kind: 'member-key.enrol' }>;
  readonly attestation: { readonly format: string; readonly aaguid: string };
}

const OTHER = 'ab'.repeat(32) as Digest;

(chromium ? describe : describe.skip)('a member’s passkey, made in a real browser', () => {
  let bulkhead: Bulkhead;
  let scene: Scene;
  let browser: PasskeyBrowser;
  let elsewhere: Server;
  let origin: string;
  let registration: Registration;

  beforeAll(async () => {
    bulkhead = await Bulkhead.start();
    scene = await bulkhead.setTheScene();
    await bulkhead.fundBitcoin('alpha-btc', Array<bigint>(9).fill(1_000_000n));
    origin = `http://localhost:${bulkhead.stack.ports.orchestrator}`;
    browser = await PasskeyBrowser.start(chromium!, `${origin}/docs`);
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
      await browser.goTo(`${origin}/docs`);
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
    const device = await PasskeyBrowser.start(chromium!, `${origin}/docs`, false);
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
});
