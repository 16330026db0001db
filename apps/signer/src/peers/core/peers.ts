import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { entryHash, FIRM_CHAIN, firmHead, type Head } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import type { SignerConfig } from '../../config.js';
import { IdentitySeal } from '../../identity-seal.js';
import { Objections } from '../../objections/core/objections.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SignerIdentity } from '../../signer-identity.js';
import { Turn } from '../../turn.js';
import { PeerLog } from '../persistence/peer-log.js';
import type { Tentative } from './exchange.js';
import { PeerLink, type Heard, type Subject } from './peer-link.js';

/** Longer than one question takes that another one is in front of. */
const TIMEOUT_MS = 4_500;
/** Once enough have answered, so long is waited for the others: more is known than must be. */
const GRACE_MS = 100;
const MOST_PAGES = 100;

/** Whether these signers, this one among them, are enough to be sure. */
export type Suffices = (signers: ReadonlySet<string>) => boolean;

/**
 * What the firm's other signers know, asked for each request anew: how far the charter is, what they have agreed to and
 * are deciding on, who objects. The orchestrator is not asked.
 */
@Injectable()
export class Peers implements OnApplicationShutdown {
  private readonly logger = new Logger('peers');
  private readonly links: readonly PeerLink[];
  private readonly pulling = new Turn();

  constructor(
    @Inject(SIGNER_CONFIG) { peers }: SignerConfig,
    private readonly charter: CharterReplica,
    private readonly identity: SignerIdentity,
    clock: Clock,
    seal: IdentitySeal,
    private readonly objections: Objections,
    log: PeerLog,
  ) {
    const parts = { identity, clock, seal, charter, log };
    this.links = peers.map(({ id, url }) => new PeerLink(id, url, parts));
  }

  /**
   * Asks all others, brings this signer's charter up to what the freshest of them has, and then takes over what members
   * have objected. Refused are a fork, `signer.peers-unknown` when those who answered are not enough, and
   * `approval.objection-unverified`.
   *
   * @returns what they were deciding on
   */
  async consult(subject: Subject, suffices: Suffices): Promise<Result<readonly Tentative[]>> {
    const { heard, problems } = await this.gather(subject, suffices);
    if (heard.length === 0 || !suffices(this.with(heard))) {
      return refused('signer.peers-unknown', 'Too few other signers say what they know.', {
        answered: heard.map(({ signer }) => signer).join(', '),
        ...Object.fromEntries(problems),
      });
    }
    for (const one of heard) {
      const level = await this.level(one, subject);
      if (!level.ok) return level;
    }
    const taken = await this.takeObjections(heard, subject);
    return taken.ok ? accepted(heard.flatMap(({ tentatives }) => tentatives)) : taken;
  }

  /** Takes over all that each of these signers has of the charter and this one has not, on whatever chain. */
  async follow(signers: readonly string[]): Promise<Result<true>> {
    for (const signer of signers) {
      const followed = await this.pulling.take(() => this.take(signer, FIRM_CHAIN, () => false));
      if (!followed.ok) return followed;
    }
    return accepted(true);
  }

  /** By the charter of the freshest of them: the one who objects may have been enrolled in what was just taken over. */
  private async takeObjections(heard: readonly Heard[], { intents }: Subject): Promise<Result<true>> {
    for (const { signer, objections } of heard) {
      for (const objection of objections.filter(({ statement }) => intents.includes(statement.intent))) {
        const taken = await this.objections.takeTold(signer, objection);
        if (!taken.ok) return taken;
      }
    }
    return accepted(true);
  }

  onApplicationShutdown(): void {
    for (const link of this.links) link.close();
  }

  private with(heard: readonly Heard[]): ReadonlySet<string> {
    return new Set([this.identity.id, ...heard.map(({ signer }) => signer)]);
  }

  private gather(subject: Subject, suffices: Suffices): Promise<{ heard: Heard[]; problems: Map<string, string> }> {
    return new Promise((resolve) => {
      const heard: Heard[] = [];
      const problems = new Map<string, string>();
      const finish = (): void => {
        clearTimeout(timer);
        resolve({ heard: [...heard], problems: new Map(problems) });
      };
      let isEnough = false;
      let timer = setTimeout(finish, TIMEOUT_MS);
      const settle = (id: string, result: Result<Heard>): void => {
        if (result.ok) heard.push(result.value);
        else problems.set(id, this.problemOf(id, result));
        if (heard.length + problems.size === this.links.length) finish();
        else if (!isEnough && heard.length > 0 && suffices(this.with(heard))) {
          isEnough = true;
          clearTimeout(timer);
          timer = setTimeout(finish, GRACE_MS);
        }
      };
      if (this.links.length === 0) finish();
      for (const link of this.links) {
        link.ask(subject).then(
          (result) => {
            settle(link.id, result);
          },
          (error: unknown) => {
            this.logger.error(error);
            settle(link.id, refused('internal.error', 'asking it broke'));
          },
        );
      }
    });
  }

  private problemOf(id: string, { refusal }: Extract<Result<Heard>, { ok: false }>): string {
    this.logger.warn({ msg: 'not heard', peer: id, ...refusal });
    return `${refusal.code}: ${refusal.facts.problem ?? refusal.detail}`;
  }

  /** Whoever is ahead is followed, whoever is behind must be on the same chain. */
  private async level({ signer, heads }: Heard, { chains }: Subject): Promise<Result<true>> {
    for (const chain of chains) {
      const theirs = heads[chain];
      if (theirs === undefined) continue;
      if (theirs.sequence > this.sequenceOf(chain)) {
        const pulled = await this.pulling.take(() => this.pull(signer, chain, theirs));
        if (!pulled.ok) return pulled;
      }
      if ((await this.charter.hashAt(chain, theirs.sequence)) !== theirs.hash) {
        return refused('charter.fork', 'Another signer has another entry at this place of the charter.', {
          signer,
          chain,
          sequence: String(theirs.sequence),
        });
      }
    }
    return accepted(true);
  }

  private sequenceOf(chain: string): number {
    const state = this.charter.current();
    return state.ok ? (state.value.heads.get(chain)?.sequence ?? -1) : -1;
  }

  /**
   * Takes over what the other signer has beyond our head of the firm, of all chains: an entry that is missed before the
   * firm's next one can never be applied. Each is verified as if anybody had brought it.
   */
  private async pull(signer: string, chain: string, theirs: Head): Promise<Result<true>> {
    const isLevel = (): boolean => this.sequenceOf(chain) >= theirs.sequence;
    const taken = await this.take(signer, chain, isLevel);
    if (!taken.ok || isLevel()) return taken;
    return this.behind(signer, chain, 'it does not give what it claims to have');
  }

  /** Page by page, until it has no more or it is enough. `chain`: for the sake of which. */
  private async take(signer: string, chain: string, isEnough: () => boolean): Promise<Result<true>> {
    const state = this.charter.current();
    const link = this.links.find(({ id }) => id === signer);
    if (!state.ok || !link) return state.ok ? this.behind(signer, chain, 'it is gone') : state;
    let after = firmHead(state.value).hash;
    for (let page = 0; page < MOST_PAGES && !isEnough(); page += 1) {
      const found = await link.entriesAfter(after);
      if (!found.ok) return this.behind(signer, chain, found.refusal.code);
      const { entries, more } = found.value;
      const applied = await this.charter.apply(entries);
      if (!applied.ok)
        return applied.refusal.code === 'charter.fork'
          ? applied
          : this.behind(signer, chain, `${applied.refusal.code}: ${applied.refusal.detail}`);
      const last = entries.at(-1);
      if (!last || !more) return accepted(true);
      after = entryHash(last);
    }
    return isEnough() ? accepted(true) : this.behind(signer, chain, 'its charter has no end');
  }

  private behind(signer: string, chain: string, problem: string): Result<never> {
    return refused('charter.behind', 'Another signer is ahead, and its entries could not be taken over.', {
      signer,
      chain,
      problem,
    });
  }
}
