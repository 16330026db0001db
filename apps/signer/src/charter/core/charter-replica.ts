import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import {
  applyEntry,
  entryHash,
  seenAt,
  type CharterEntry,
  type CharterState,
  type Head,
  type MpcWallet,
} from '@bulkhead/charter';
import {
  accepted,
  canonicalJson,
  digestJson,
  refused,
  RefusalError,
  ZERO_DIGEST,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { checkEntryPolicies } from '@bulkhead/policy';
import { Clock } from '../../clock.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import type { SignerConfig } from '../../config.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SignerIdentity } from '../../signer-identity.js';
import { TokenMemory, type KeptLog, type LogTip } from '../../token-memory/core/token-memory.js';
import { CharterLog, type EntriesPage } from '../persistence/charter-log.js';

/** How far the clock of whoever enacts an entry may be ahead of ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

export interface ReplicaHeads {
  readonly firm: Digest;
  readonly heads: Readonly<Record<string, Head>>;
  readonly entries: number;
}

/**
 * This signer's own copy of the charter: what it has verified itself, entry by entry, and nothing else. The log is
 * replayed at each start; the state that decisions are made on is kept in memory.
 */
@Injectable()
export class CharterReplica implements OnModuleInit, KeptLog {
  private readonly logger = new Logger('charter');
  private state: CharterState | undefined;
  /** After each entry, what all hashes up to it come to. */
  private readonly hashes: Digest[] = [];
  readonly fault = undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly log: CharterLog,
    private readonly keys: WalletKeys,
    private readonly shares: ShareStore,
    private readonly identity: SignerIdentity,
    private readonly clock: Clock,
    private readonly memory: TokenMemory,
    @Inject(SIGNER_CONFIG) private readonly config: SignerConfig,
  ) {
    memory.keep('entries', this);
  }

  get tip(): LogTip {
    return { count: this.hashes.length, hash: this.hashes.at(-1) ?? ZERO_DIGEST };
  }

  hashAfter(count: number): Promise<Digest | undefined> {
    return Promise.resolve(count === 0 ? ZERO_DIGEST : this.hashes[count - 1]);
  }

  /** Replays the log. Throws, so that the signer does not start, when an entry of it does not verify. */
  async onModuleInit(): Promise<void> {
    for await (const { entry, hash, appliedAt } of this.log.entries()) {
      const next = this.reduce(entry);
      if (!next.ok) throw new RefusalError(next.refusal);
      if (entryHash(entry) !== hash) throw new Error(`charter log: the entry at ${this.tip.count} is not of its hash`);
      this.advance(seenAt(next.value, entry, appliedAt), hash);
    }
    this.logger.log({ msg: 'charter replayed', entries: this.tip.count });
  }

  /** What the charter says now; `charter.behind` as long as there is no genesis. */
  current(): Result<CharterState> {
    return this.state
      ? accepted(this.state)
      : refused('charter.behind', 'This signer has no charter yet: bring it the firm’s entries.', {
          firm: this.identity.firm,
        });
  }

  /**
   * Entries in the order in which they were applied here, at most `most`: those that came after the one of the hash, or
   * from the genesis on; of one chain only, when it is named. `request.not-found` when there is no entry of the hash.
   */
  page(after: Digest | undefined, chain: string | undefined, most: number): Promise<Result<EntriesPage>> {
    return this.log.page(after, chain, most);
  }

  /** The hash of the entry that is applied at a place. */
  async hashAt(chain: string, sequence: number): Promise<string | undefined> {
    const head = this.state?.heads.get(chain);
    return head?.sequence === sequence ? head.hash : this.log.hashAt(chain, sequence);
  }

  /** Whether no entry has been applied since this was what the charter says. */
  isStill(state: CharterState): boolean {
    return this.state === state;
  }

  /** `listener` is told when entries were applied and the token remembers them. */
  onApplied(listener: () => void): void {
    this.listeners.push(listener);
  }

  heads(): ReplicaHeads {
    return { firm: this.identity.firm, heads: Object.fromEntries(this.state?.heads ?? []), entries: this.tip.count };
  }

  /**
   * Applies entries in the given order, each for good before the next; those that are held already are passed over. On
   * a refusal the entries before it stay applied, and its facts name the entry. What is accepted the token remembers.
   */
  async apply(entries: readonly CharterEntry[]): Promise<Result<ReplicaHeads>> {
    const ready = await this.memory.ready();
    if (!ready.ok) return ready;
    const before = this.tip.count;
    const applied = await this.applyAll(entries);
    const covered = await this.memory.cover();
    if (covered.ok && this.tip.count > before) for (const listener of this.listeners) listener();
    if (!applied.ok) return applied;
    return covered.ok ? accepted(this.heads()) : covered;
  }

  private async applyAll(entries: readonly CharterEntry[]): Promise<Result<true>> {
    for (const entry of entries) {
      const applied = await this.inTurn(() => this.applyOne(entry));
      if (!applied.ok) {
        const { code, detail, facts } = applied.refusal;
        const { chain, sequence } = entry.intent;
        return refused(code, detail, { ...facts, entryChain: chain, entrySequence: String(sequence) });
      }
    }
    return accepted(true);
  }

  /** One at a time: each entry is judged by the state that the one before it left. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async applyOne(entry: CharterEntry): Promise<Result<true>> {
    const held = await this.isHeld(entry);
    if (!held.ok || held.value) return held.ok ? accepted(true) : held;
    if (entry.enactedAt > this.clock.at(CLOCK_SKEW_MS)) {
      return refused('charter.enacted-in-future', 'By this signer’s clock the entry was enacted in the future.', {
        enactedAt: entry.enactedAt,
        now: this.clock.now(),
      });
    }
    const next = this.reduce(entry);
    if (!next.ok) return next;
    const proven = this.checkProof(entry);
    if (!proven.ok) return proven;
    const ownKey = await this.checkOwnKey(entry, next.value);
    if (!ownKey.ok) return ownKey;
    const now = this.clock.now();
    const stored = await this.log.append(this.tip.count, entry, now);
    if (!stored.ok) return stored;
    this.advance(seenAt(next.value, entry, now), entryHash(entry));
    this.logger.log({ msg: 'charter entry applied', act: entry.intent.act.kind, hash: entryHash(entry) });
    return accepted(true);
  }

  /**
   * Old entries are asked for their proof like new ones: that others came after it makes a hole no safer. The way past a
   * proof that has become stricter is this signer's own operator, who names the entry by its hash.
   */
  private checkProof(entry: CharterEntry): Result<true> {
    if (!this.state) return accepted(true);
    const proven = checkEntryPolicies(this.state, entry);
    if (proven.ok) return proven;
    const hash = entryHash(entry);
    const { code, detail, facts } = proven.refusal;
    if (!this.config.entriesWithoutProof.includes(hash)) return refused(code, detail, { ...facts, entryHash: hash });
    this.logger.warn({ msg: 'charter entry taken without proof, as configured', hash, code });
    return accepted(true);
  }

  private advance(state: CharterState, hash: Digest): void {
    this.state = state;
    this.hashes.push(digestJson('bulkhead/signer-log/v1', [this.tip.hash, hash]));
  }

  /** The reducer, and what this signer alone can know of a genesis: that it is the pinned one and names this signer. */
  private reduce(entry: CharterEntry): Result<CharterState> {
    const { act } = entry.intent;
    if (!this.state && act.kind === 'genesis') {
      if (entryHash(entry) !== this.identity.firm) return this.foreignGenesis(entry);
      // one that it does not name at all may be enrolled later
      const self = act.signers.find((signer) => signer.id === this.identity.id);
      if (self && self.tlsFingerprint !== this.identity.tlsFingerprint) {
        return refused('charter.genesis-mismatch', 'The genesis names this signer with another certificate.', {
          signer: this.identity.id,
          tlsFingerprint: this.identity.tlsFingerprint,
        });
      }
    }
    return applyEntry(this.state, entry);
  }

  private foreignGenesis(entry: CharterEntry): Result<never> {
    return refused('charter.genesis-mismatch', 'Not the genesis that this signer was set up for.', {
      genesis: entryHash(entry),
      pinned: this.identity.firm,
    });
  }

  /** Whether exactly this entry has been applied; another at a place that is taken is refused. */
  private async isHeld(entry: CharterEntry): Promise<Result<boolean>> {
    const { act, chain, firm, sequence } = entry.intent;
    const hash = entryHash(entry);
    if (act.kind === 'genesis' && hash !== this.identity.firm) return this.foreignGenesis(entry);
    if (act.kind !== 'genesis' && firm !== this.identity.firm) {
      return refused('intent.wrong-firm', 'The entry belongs to another firm.', { firm });
    }
    const head = this.state?.heads.get(chain);
    if (!head || sequence > head.sequence) return accepted(false);
    if ((await this.log.hashAt(chain, sequence)) === hash) return accepted(true);
    const facts = { head: String(head.sequence), hash };
    return sequence === head.sequence
      ? refused('charter.fork', 'Another entry stands at this place.', facts)
      : refused('charter.rollback', 'The chain is past this place, with another entry in it.', facts);
  }

  /** Invariant 4: a wallet that names this signer must name the very key that its token made for this wallet. */
  private async checkOwnKey(entry: CharterEntry, next: CharterState): Promise<Result<true>> {
    const { act } = entry.intent;
    if (act.kind === 'wallet.replace-key') {
      const { key, wallet } = act;
      return key.signer === this.identity.id ? this.checkOwnKeyOf(wallet, key.publicKey) : accepted(true);
    }
    if (act.kind === 'mpc-wallet.switch') return this.checkNewShare(next, act.wallet);
    if (act.kind !== 'wallet.open') return accepted(true);
    const claimed = act.wallet.keys.find((key) => key.signer === this.identity.id)?.publicKey;
    if (claimed === undefined) return accepted(true);
    if (act.wallet.kind === 'taproot-mpc') return this.checkOwnShare(act.wallet, entry.enactedAt);
    return this.checkOwnKeyOf(act.wallet.id, claimed);
  }

  private async checkOwnKeyOf(wallet: string, claimed: string): Promise<Result<true>> {
    const own = await this.keys.publicKey(wallet);
    if (!own.ok && own.refusal.code !== 'keys.not-found') return own;
    if (own.ok && own.value.publicKey === claimed) return accepted(true);
    return refused(
      'charter.key-not-held',
      'The wallet names a key for this signer that its token did not make for it.',
      {
        wallet,
        claimed,
        held: own.ok ? own.value.publicKey : 'none',
      },
    );
  }

  /**
   * An MPC wallet that names this signer is of a group whose share it holds: the same members, shares and threshold. One
   * that was opened while the share was kept, and is heard of after it was destroyed, is followed: the others hold theirs.
   */
  private async checkOwnShare(wallet: MpcWallet, enactedAt: string): Promise<Result<true>> {
    const inUse = await this.shares.inUse(wallet);
    if (!inUse.ok && inUse.refusal.code !== 'mpc.group-unknown') return inUse;
    const { threshold, keys } = wallet;
    const group = inUse.ok ? inUse.value.group : undefined;
    const held = group && {
      threshold: group.threshold,
      keys: group.members.map((signer, place) => ({ signer, publicKey: group.verifyingShares[place] })),
    };
    if (held && canonicalJson(held) === canonicalJson({ threshold, keys })) return accepted(true);
    const keptAt = await this.shares.keptOnce(wallet);
    if (keptAt && Date.parse(enactedAt) < keptAt.getTime() + this.config.unopenedShareSeconds * 1_000)
      return accepted(true);
    return refused('charter.key-not-held', 'The wallet’s key is not of a group that this signer holds a share of.', {
      wallet: wallet.id,
      address: wallet.address,
    });
  }

  /** A switch that names this signer names a share that it keeps and that its token still opens. */
  private async checkNewShare(next: CharterState, id: string): Promise<Result<true>> {
    const wallet = next.wallets.get(id);
    if (wallet?.kind !== 'taproot-mpc' || !wallet.keys.some(({ signer }) => signer === this.identity.id))
      return accepted(true);
    const named = await this.shares.named(wallet);
    const key = named.ok ? await this.shares.keyOf(named.value) : named;
    if (key.ok) key.value.share.fill(0);
    if (key.ok) return accepted(true);
    return refused('charter.key-not-held', 'The switch names a share for this signer that it does not hold.', {
      wallet: id,
      problem: key.refusal.code,
    });
  }
}
