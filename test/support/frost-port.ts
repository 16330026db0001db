import { createHash } from 'node:crypto';
import {
  aggregateShares,
  checkConfirmations,
  FrostSession,
  keyIdSchema,
  makeNonces,
  makeShares,
  openKeyStore,
  outputKey,
  type FrostGroup,
  type FrostKey,
  type KeyPort,
  type KeyStore,
  type PortKey,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, orThrow, refused, type Result } from '@bulkhead/intent';
import { fingerprintOf, identityOf, membersOf, random32 } from '../../libs/keys/test/frost-members.js';
import { type SofthsmFolder } from './softhsm.js';

const MEMBERS = membersOf(3);
const SUITE_BINDING = Buffer.from('share', 'utf8');

/** What a member has on disk: its shares by key, sealed by its token. */
export type SealedShares = Map<string, { readonly group: FrostGroup; readonly sealed: Uint8Array }>;

interface Member {
  readonly name: string;
  readonly store: KeyStore;
  readonly shares: SealedShares;
}

/**
 * A group of three as one key port: each member with a real token that seals its shares, and the protocol in between. A
 * firm has no such port, since whoever has it needs nobody's approval; here it holds groups to what every backend must do.
 */
export class FrostPort implements KeyPort {
  private readonly under = new Map<string, Promise<Result<PortKey>>>();

  private constructor(readonly members: readonly Member[]) {}

  static async open(tokens: readonly SofthsmFolder[], disks: readonly SealedShares[]): Promise<FrostPort> {
    const members = await Promise.all(
      MEMBERS.map(async (name, place) => {
        const [token, shares] = [tokens[place], disks[place]];
        if (!token || !shares) throw new Error('a token and a disk for each member');
        return { name, shares, store: await openKeyStore(token) };
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

  publicKey(keyId: string): Promise<Result<PortKey>> {
    if (!keyIdSchema.safeParse(keyId).success) return Promise.resolve(refused('request.malformed', 'No key id.'));
    const group = this.members[0]?.shares.get(keyId)?.group;
    return Promise.resolve(
      group
        ? accepted({ keyId, publicKey: outputKey(group) })
        : refused('keys.not-found', 'No group of this name.', { keyId }),
    );
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
    const group = createHash('sha256').update(keyId).digest('hex').slice(0, 32);
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
      orThrow(await member.store.generateSealKey(`frost/${group}`));
      const sealed = orThrow(await member.store.seal(`frost/${group}`, SUITE_BINDING, key?.share ?? new Uint8Array()));
      member.shares.set(keyId, { group: agreed, sealed });
    }
    return this.publicKey(keyId);
  }
}

async function unseal({ name, store, shares }: Member, keyId: string): Promise<Result<FrostKey>> {
  const held = shares.get(keyId);
  if (!held) return refused('keys.not-found', 'No group of this name.', { keyId });
  const share = await store.unseal(`frost/${held.group.id}`, SUITE_BINDING, held.sealed);
  return share.ok ? accepted({ group: held.group, member: name, share: share.value }) : share;
}
