import { existsSync } from 'node:fs';
import { approvalChallenge, type Approval, type Statement, type WebauthnKey } from '@bulkhead/approval';
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';

/** The one that BULKHEAD_CHROMIUM names, else Debian's. @throws Error when there is none: what is not tested has failed */
export function findChromium(): string {
  const places = [process.env['BULKHEAD_CHROMIUM'] || '/usr/bin/chromium', '/usr/bin/chromium-browser'];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new Error('There is no Chromium. Install it (apt-get install chromium) or name it in BULKHEAD_CHROMIUM.');
}

type UserVerification = 'required' | 'discouraged';
type Authenticated = Extract<Approval['signature'], { scheme: 'webauthn' }>;

/** A member's browser: real Chromium, with an authenticator of Chromium's own making in place of a security key. */
export class PasskeyBrowser {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly devtools: CDPSession,
    private readonly authenticatorId: string,
  ) {}

  /** @param verifiesUsers whether the authenticator can tell its user from another, by PIN or finger */
  static async start(executablePath: string, url: string, verifiesUsers = true): Promise<PasskeyBrowser> {
    const browser = await chromium.launch({
      executablePath,
      // as root Chromium has no sandbox; `localhost` is what passkeys are bound to, and the servers listen on 127.0.0.1
      args: ['--no-sandbox', '--host-resolver-rules=MAP localhost 127.0.0.1'],
    });
    const page = await browser.newPage();
    await page.goto(url);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: true,
        hasUserVerification: verifiesUsers,
        isUserVerified: verifiesUsers,
        automaticPresenceSimulation: true,
      },
    });
    return new PasskeyBrowser(browser, page, devtools, authenticatorId);
  }

  async goTo(url: string): Promise<void> {
    await this.page.goto(url);
  }

  /** Makes a passkey as the server's options say. @returns what `toJSON()` of it gives */
  async register(options: object): Promise<object> {
    return this.page.evaluate(async (given) => {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
        given as PublicKeyCredentialCreationOptionsJSON,
      );
      const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
      return made.toJSON();
    }, options);
  }

  /** Signs a statement with a passkey. */
  async say(
    key: WebauthnKey,
    statement: Statement,
    userVerification: UserVerification = 'required',
  ): Promise<Approval> {
    const options = {
      challenge: Buffer.from(approvalChallenge(statement), 'hex').toString('base64url'),
      rpId: key.rpId,
      allowCredentials: [{ type: 'public-key', id: key.credentialId }],
      userVerification,
    };
    const { id, response } = await this.page.evaluate(async (given) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(given);
      const got = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
      return got.toJSON() as { id: string; response: Omit<Authenticated, 'scheme' | 'credentialId'> };
    }, options);
    const { authenticatorData, clientDataJSON, signature } = response;
    return {
      statement,
      signature: { scheme: 'webauthn', credentialId: id, authenticatorData, clientDataJSON, signature },
    };
  }

  /** Has somebody use the authenticator who cannot show to be its user. */
  async unverified<T>(use: () => Promise<T>): Promise<T> {
    const { authenticatorId } = this;
    await this.devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    try {
      return await use();
    } finally {
      await this.devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    }
  }

  /** Puts in place of every passkey a copy whose counter stands where it stood when it was copied. */
  async replaceByCopies(signCount: number): Promise<void> {
    const { authenticatorId, devtools } = this;
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
    for (const credential of credentials) {
      await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount } });
    }
  }

  async stop(): Promise<void> {
    await this.browser.close();
  }
}
