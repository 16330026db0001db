import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  approvalChallenge,
  p256PublicKey,
  type Approval,
  type Assertion,
  type Statement,
  type WebauthnKey,
} from '@bulkhead/approval';
import type { Digest } from '@bulkhead/intent';

export const PRESENT = 0x01;
export const VERIFIED = 0x04;

/** What an authenticator or a browser might do otherwise than it should. */
export interface Misuse {
  readonly type?: string;
  readonly origin?: string;
  readonly rpId?: string;
  readonly flags?: number;
  readonly signCount?: number;
  /** More members of client data. */
  readonly clientData?: object;
  /** Bytes behind the counter. */
  readonly trailing?: Buffer;
}

/** An authenticator in software: what a browser would give back, and what it never would. */
export class SoftPasskey {
  private constructor(
    readonly key: WebauthnKey,
    readonly privateKey: KeyObject,
    private signCount: number,
  ) {}

  static make(id: string, rpId = 'custody.example', origin = 'https://custody.example', signCount = 0): SoftPasskey {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = p256PublicKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const credentialId = randomBytes(32).toString('base64url');
    const key: WebauthnKey = {
      id,
      scheme: 'webauthn',
      credentialId,
      publicKey,
      rpId,
      origins: [origin],
      userVerification: 'required',
    };
    return new SoftPasskey(key, privateKey, signCount);
  }

  /** Signs a challenge (WebAuthn, 6.3.3). A counter that began above 0 goes up by one each time. */
  assert(challenge: Digest, misuse: Misuse = {}): Assertion {
    if (this.signCount > 0) this.signCount += 1;
    const [origin] = this.key.origins;
    const clientData = Buffer.from(
      JSON.stringify({
        type: misuse.type ?? 'webauthn.get',
        challenge: Buffer.from(challenge, 'hex').toString('base64url'),
        origin: misuse.origin ?? origin,
        crossOrigin: false,
        ...misuse.clientData,
      }),
    );
    const fixed = Buffer.alloc(5);
    fixed.writeUInt8(misuse.flags ?? PRESENT | VERIFIED);
    fixed.writeUInt32BE(misuse.signCount ?? this.signCount, 1);
    const data = Buffer.concat([sha256(misuse.rpId ?? this.key.rpId), fixed, misuse.trailing ?? Buffer.alloc(0)]);
    return {
      scheme: 'webauthn',
      credentialId: this.key.credentialId,
      authenticatorData: data.toString('base64url'),
      clientDataJSON: clientData.toString('base64url'),
      signature: sign('sha256', Buffer.concat([data, sha256(clientData)]), this.privateKey).toString('base64url'),
    };
  }

  say(statement: Statement, misuse: Misuse = {}): Approval {
    return { statement, signature: this.assert(approvalChallenge(statement), misuse) };
  }
}

const sha256 = (bytes: string | Buffer): Buffer => createHash('sha256').update(bytes).digest();
