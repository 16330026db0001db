import { createHash } from 'node:crypto';
import {
  aggregateShares,
  checkConfirmations,
  frostBinding,
  FrostSession,
  keyIdSchema,
  makeNonces,
  makeShares,
  openKeyStore,
  outputKey,
  readSealedShare,
  sealKeyOf,
  writeSealedShare,
  type FrostKey,
  type KeyPort,
  type KeyStore,
  type PortKey,
  type SealedShare,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, orThrow, refused, ZERO_DIGEST, type Result } from '@bulkhead/intent';
import { fingerprintOf, identityOf, membersOf, random32 } from '../../libs/keys/test/frost-members.js';
import { type SofthsmFolder } from './softhsm.js';

const MEMBERS = membersOf(3);
/** The suite has no charter. */
const FIRM = ZERO_DIGEST;

interface Member {
  readonly name: string;
  readonly store: KeyStore;
}

/**
 * A group of three as one key port: each member with a real token that seals its shares and keeps them, in the very form
 * that signers put there, and nothing else; and the protocol in between. A firm has no such port, since whoever has it needs
 * nobody's approval; here it holds groups to what every backend must do.
 */
export class FrostPort implements KeyPort {
  private readonly under = new Map<string, Promise<Result<PortKey>>>();

  private constructor(readonly members: readonly Member[]) {}

  static async open(tokens: readonly SofthsmFolder[]): Promise<FrostPort> {
    const members = await Promise.all(
      MEMBERS.map(async (name, place) => {
        const token = tokens[place];
        if (!token) throw new Error('a token for each member');
        return { name, store: await openKeyStore(token) };
      }),
    );
    return new FrostPort(members);
  }

  async generateKey(keyId: string): Promise<Result<PortKey>> {
    const held = await this.publicKey(keyId);
    if (held.ok || held.refusal.code !== 'keys.not-found') return held;
    const running = this.under.get(keyId) ?? this.generate(keyId).finally(() => this.under.delete(keyId));
    this.under.set(keyId, running);
    return running;
  }

  async publicKey(keyId: string): Promise<Result<PortKey>> {
    if (!keyIdSchema.safeParse(keyId).success) return refused('request.malformed', 'No key id.');
    const [first] = this.members;
    if (!first) throw new Error('a group has members');
    const held = await shareIn(first, keyId);
    return held.ok ? accepted({ keyId, publicKey: outputKey(held.value.group) }) : held;
  }

  async signDigest(keyId: string, digest: Uint8Array): Promise<Result<Uint8Array>> {
    if (digest.length !== 32) return refused('request.malformed', 'Only 32 bytes can be signed.');
    const own = [{ inputIndex: 0, digest: Uint8Array.from(digest) }];
    const known = await this.publicKey(keyId);
    if (!known.ok) return known;
    const keys: FrostKey[] = [];
    for (const member of this.members.slice(1)) {
      const key = await unseal(member, keyId);
      if (!key.ok) return key;
      keys.push(key.value);
    }
    const nonces = keys.map((key) => ({ key, ...makeNonces(key, [0]) }));
    const commitments = new Map(nonces.map(({ key, commitments: promise }) => [key.member, promise]));
    const shares = new Map(
      nonces.map(({ key, secret }) => [key.member, orThrow(makeShares(key, secret, commitments, own))]),
    );
    const [first] = keys;
    const signed = first ? aggregateShares(first.group, commitments, own, shares) : refused('keys.not-found', keyId);
    return signed.ok ? accepted(signed.value[0]?.signature ?? new Uint8Array()) : signed;
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ store }) => store.close()));
  }

  private async generate(keyId: string): Promise<Result<PortKey>> {
    const group = groupOf(keyId);
    const terms = { purpose: 'generate', session: random32(), group, threshold: 2, members: MEMBERS } as const;
    const parts = this.members.map((member) => ({
      member,
      session: new FrostSession(
        { ...terms, members: [...MEMBERS] },
        { member: member.name, identity: identityOf(member.name), fingerprints: fingerprintOf },
      ),
    }));
    const heard = (messages: readonly SignedMessage[], { name }: Member) =>
      messages.filter(({ message }) => message.from !== name && (message.to ?? name) === name);
    const announced = parts.map(({ session }) => orThrow(session.announce()));
    const dealt = parts.flatMap(({ session, member }) => orThrow(session.deal(heard(announced, member))));
    const concluded = parts.map(({ session, member }) => ({
      member,
      ...orThrow(session.confirm(heard(dealt, member))),
    }));
    const confirmed = concluded.flatMap(({ message }) => message ?? []);
    for (const { member, group: agreed, key, place } of concluded) {
      orThrow(checkConfirmations(agreed, member.name, place, heard(confirmed, member), fingerprintOf));
      const sealKey = sealKeyOf(agreed);
      orThrow(await member.store.generateSealKey(sealKey));
      const binding = frostBinding('share', FIRM, member.name, agreed);
      const sealed = orThrow(await member.store.seal(sealKey, binding, key?.share ?? new Uint8Array()));
      const share = { firm: FIRM, member: member.name, group: agreed, sealed: Buffer.from(sealed).toString('base64') };
      orThrow(await member.store.keepSealed(sealKey, writeSealedShare(share)));
    }
    return this.publicKey(keyId);
  }
}

/** A group's name is of a narrower form than key ids. */
const groupOf = (keyId: string): string => createHash('sha256').update(keyId).digest('hex').slice(0, 32);

/** As `bulkhead recover` finds it: in the token alone. */
async function shareIn({ name, store }: Member, keyId: string): Promise<Result<SealedShare>> {
  const kept = await store.listSealed();
  if (!kept.ok) return kept;
  const shares = kept.value.map(({ bytes }) => orThrow(readSealedShare(bytes)));
  const found = shares.find(({ member, group }) => member === name && group.id === groupOf(keyId));
  return found ? accepted(found) : refused('keys.not-found', 'No group of this name.', { keyId });
}

async function unseal(member: Member, keyId: string): Promise<Result<FrostKey>> {
  const held = await shareIn(member, keyId);
  if (!held.ok) return held;
  const { firm, group, sealed } = held.value;
  const binding = frostBinding('share', firm, member.name, group);
  const share = await member.store.unseal(sealKeyOf(group), binding, Buffer.from(sealed, 'base64'));
  return share.ok ? accepted({ group, member: member.name, share: share.value }) : share;
}
