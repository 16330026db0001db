import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { p256PublicKey, type Member, type Role } from '@bulkhead/approval';
import { writeFileAtomically } from '../stack/index.js';
import { MemberDevice } from './member-device.js';

interface DevelopmentMember {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

/** The people of the development firm: three custody operators, a compliance officer, and who runs the signers. */
export const DEVELOPMENT_MEMBERS: readonly DevelopmentMember[] = [
  { id: 'olivia', name: 'Olivia (custody operator)', role: 'operator' },
  { id: 'omar', name: 'Omar (custody operator)', role: 'operator' },
  { id: 'oskar', name: 'Oskar (custody operator)', role: 'operator' },
  { id: 'carla', name: 'Carla (compliance officer)', role: 'compliance' },
  { id: 'erika', name: 'Erika (signer engineer)', role: 'engineer' },
];

const keyFile = (folder: string, id: string): string => join(folder, `${id}.pem`);
const tokenFile = (folder: string, id: string): string => join(folder, `${id}.token`);

/**
 * Makes each member's P-256 key and API token at the first start, in files that only their owner reads. In production
 * these are the members' own devices; here they lie in one folder, so that one person can play the whole firm.
 */
export function makeDevelopmentMembers(folder: string): Member[] {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  return DEVELOPMENT_MEMBERS.map(({ id, name, role }) => {
    if (!existsSync(keyFile(folder, id))) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeFileAtomically(keyFile(folder, id), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
    }
    if (!existsSync(tokenFile(folder, id))) {
      writeFileAtomically(tokenFile(folder, id), `${randomBytes(32).toString('base64url')}\n`, 0o600);
    }
    const publicKey = p256PublicKey(readFileSync(keyFile(folder, id), 'utf8'));
    return { id, person: id, name, role, keys: [{ id: `${id}-1`, scheme: 'p256', publicKey }] };
  });
}

/** A member's device of the development firm. Throws when there is no such member. */
export function developmentDevice(folder: string, id: string): MemberDevice {
  if (!existsSync(keyFile(folder, id))) {
    throw new Error(`There is no member "${id}": one of ${DEVELOPMENT_MEMBERS.map((member) => member.id).join(', ')}.`);
  }
  return new MemberDevice(id, `${id}-1`, readFileSync(keyFile(folder, id), 'utf8'), readToken(folder, id));
}

export const readToken = (folder: string, id: string): string => readFileSync(tokenFile(folder, id), 'utf8').trim();

export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');
