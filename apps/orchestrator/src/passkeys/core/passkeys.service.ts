import { Inject, Injectable } from '@nestjs/common';
import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import { accepted, orThrow, refused, RefusalError, type Result } from '@bulkhead/intent';
import { DataSource, type EntityManager } from 'typeorm';
import { CharterService } from '../../charter/core/charter.service.js';
import { CONFIG, type Config } from '../../config.js';
import { CHALLENGE_LIFE_MS, registrationOptions, type RegistrationOptions } from './registration-options.js';
import { verifyRegistration, type VerifiedPasskey } from './verify-registration.js';

/**
 * Registration of passkeys. It proves that a member's browser holds a key that its authenticator guards, and gives no
 * right: the key counts once the charter has it, by the quorum of `member.enrol`.
 */
@Injectable()
export class PasskeysService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: DataSource,
    private readonly charter: CharterService,
  ) {}

  async options(id: string): Promise<RegistrationOptions> {
    const { members } = await this.charter.required();
    const member = members.get(id);
    if (!member) {
      throw new RefusalError(refused('approval.unknown-member', 'No such member in the charter.', { id }).refusal);
    }
    const options = await registrationOptions(this.config.passkeys, member);
    await this.database.transaction(async (manager) => {
      await manager.query('delete from passkey_challenge where expires_at < now()');
      await manager.query('insert into passkey_challenge (challenge, member, expires_at) values ($1, $2, $3)', [
        options.challenge,
        id,
        new Date(Date.now() + CHALLENGE_LIFE_MS),
      ]);
    });
    return options;
  }

  /** The challenge is used up in the transaction that keeps the passkey, and also when the registration is not sound. */
  async register(member: string, keyId: string, response: RegistrationResponseJSON): Promise<VerifiedPasskey> {
    const result = await this.database.transaction(async (manager): Promise<Result<VerifiedPasskey>> => {
      const challenge = await takeChallenge(manager, member, response);
      if (!challenge.ok) return challenge;
      const verified = await verifyRegistration(this.config.passkeys, keyId, challenge.value, response);
      if (!verified.ok) return verified;
      return (await keep(manager, member, verified.value, response))
        ? verified
        : refused('passkey.registered', 'This credential has been registered before.');
    });
    return orThrow(result);
  }
}

/** The challenge that the response answers, if it is one of this member's that is open. It is open no more. */
async function takeChallenge(
  manager: EntityManager,
  member: string,
  { response }: RegistrationResponseJSON,
): Promise<Result<string>> {
  const challenge = challengeOf(response.clientDataJSON);
  // TypeORM answers a delete with [rows, count]
  const [taken] = await manager.query<[unknown[], number]>(
    'delete from passkey_challenge where challenge = $1 and member = $2 and expires_at > now() returning 1',
    [challenge ?? '', member],
  );
  return challenge !== undefined && taken.length === 1
    ? accepted(challenge)
    : refused('passkey.challenge-unknown', 'Ask for registration options anew: this challenge is not open.', {
        member,
      });
}

function challengeOf(clientDataJSON: string): string | undefined {
  try {
    const data: unknown = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'));
    const challenge: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'challenge') : undefined;
    return typeof challenge === 'string' && /^[\w-]{1,200}$/.test(challenge) ? challenge : undefined;
  } catch {
    return undefined;
  }
}

/** @returns false when the credential is known already, whoever's it is */
async function keep(
  manager: EntityManager,
  member: string,
  { key, signCount, attestation }: VerifiedPasskey,
  { response }: RegistrationResponseJSON,
): Promise<boolean> {
  const kept: unknown[] = await manager.query(
    `insert into passkey_registration (credential, member, key, format, aaguid, certificates, attestation_object, client_data)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning 1`,
    [
      key.credentialId,
      member,
      JSON.stringify(key),
      attestation.format,
      attestation.aaguid,
      JSON.stringify(attestation.certificates),
      Buffer.from(attestation.object),
      Buffer.from(response.clientDataJSON, 'base64url'),
    ],
  );
  if (kept.length === 0) return false;
  await manager.query(
    'insert into webauthn_counter (credential, count) values ($1, $2) on conflict (credential) do nothing',
    [key.credentialId, signCount],
  );
  return true;
}
