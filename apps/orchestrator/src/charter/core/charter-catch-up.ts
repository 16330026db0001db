import { Injectable, Logger } from '@nestjs/common';
import { entryHash, FIRM_CHAIN, type CharterEntry, type CharterState, type Head } from '@bulkhead/charter';
import { accepted, intentDigest, refused, RefusalError, type Result } from '@bulkhead/intent';
import { DataSource, type EntityManager } from 'typeorm';
import { IncidentsService } from '../../incidents/core/incidents.service.js';
import type { SignerHeads } from '../../signers/answers.js';
import { SignersService } from '../../signers/signers.service.js';
import { CharterEntryRow } from '../persistence/entities.js';
import { CharterService } from './charter.service.js';

/** What a signer's charter has that cannot be brought together with ours. */
interface Fork {
  readonly chain: string;
  readonly sequence: number;
  readonly problem: string;
}

/**
 * Takes over the charter entries that signers have and the orchestrator lacks: its database may have been restored from
 * an older copy, and members may hand entries to signers themselves. Each entry is verified like any other.
 */
@Injectable()
export class CharterCatchUp {
  private readonly log = new Logger('charter');
  /** Signers whose charter is known to lead up to or from ours, since this process started. */
  private readonly agreed = new Set<string>();

  constructor(
    private readonly database: DataSource,
    private readonly charter: CharterService,
    private readonly signers: SignersService,
    private readonly incidents: IncidentsService,
  ) {}

  /** Compares with every signer that answers, and takes what it has more. */
  async compare(): Promise<void> {
    for (const { signer, result } of await this.signers.heads()) {
      if (!result.ok) continue;
      const fork = await this.compareWith(signer, result.value);
      if (fork) await this.report(signer, fork);
      else this.agreed.add(signer);
    }
  }

  /**
   * For the moment before an entry is appended: most of the signers in service have said how far the charter is, and ours
   * is not behind. An orchestrator that does not know would put another entry where one stands.
   */
  async ready(): Promise<Result<true>> {
    await this.compare();
    const { signers } = await this.charter.required();
    const live = [...signers.values()].filter(({ retired }) => !retired);
    const agreed = live.filter(({ id }) => this.agreed.has(id));
    return 2 * agreed.length > live.length
      ? accepted(true)
      : refused('signer.quorum-unavailable', 'Too few signers have said that the charter here is the newest.', {
          agreed: agreed.map(({ id }) => id).join(', '),
          needed: String(Math.floor(live.length / 2) + 1),
        });
  }

  private async compareWith(signer: string, { firm, heads }: SignerHeads): Promise<Fork | undefined> {
    const state = await this.charter.required();
    if (firm !== state.firm) return { chain: FIRM_CHAIN, sequence: 0, problem: 'it is set up for another firm' };
    const lacking: CharterEntry[] = [];
    for (const [chain, head] of Object.entries(heads)) {
      const own = state.heads.get(chain);
      if (own && own.sequence >= head.sequence) {
        if ((await this.hashAt(chain, head.sequence)) !== head.hash) return { chain, ...head, problem: OTHER_ENTRY };
        continue;
      }
      const pulled = await this.pull(signer, chain, own);
      if (!pulled.ok && pulled.refusal.code !== 'request.not-found') return undefined; // away, or not one of us: later
      if (!pulled.ok) return { chain, sequence: own?.sequence ?? 0, problem: OTHER_ENTRY };
      lacking.push(...pulled.value);
    }
    return this.takeAll(signer, lacking);
  }

  private async pull(signer: string, chain: string, own: Head | undefined): Promise<Result<CharterEntry[]>> {
    const all: CharterEntry[] = [];
    for (let after = own?.hash as string | undefined; ;) {
      const page = await this.signers.entries(signer, chain, after);
      if (!page.ok) return page;
      all.push(...page.value.entries);
      const last = page.value.entries.at(-1);
      if (!page.value.more || !last) return accepted(all);
      after = entryHash(last);
    }
  }

  private async takeAll(signer: string, entries: readonly CharterEntry[]): Promise<Fork | undefined> {
    for (const entry of entries.toSorted(inOrderOfTheFirm)) {
      const { chain, sequence, act } = entry.intent;
      try {
        await this.charter.append(entry, (manager) => this.keepIntent(manager, entry));
        this.log.warn(`took ${act.kind} (${chain}#${sequence}) from ${signer}: it was missing here`);
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error;
        // another process, or another signer's copy, was faster
        if ((await this.hashAt(chain, sequence)) === entryHash(entry)) continue;
        return { chain, sequence, problem: error.refusal.code };
      }
    }
    return undefined;
  }

  /** The intent that led to the entry, as it would be here had it been proposed here. */
  private async keepIntent(manager: EntityManager, { intent, proposal }: CharterEntry): Promise<void> {
    await manager.query(
      `insert into charter_intent (id, digest, intent, proposal, status) values ($1, $2, $3, $4, 'ENACTED')
       on conflict (id) do update set status = 'ENACTED'`,
      [intent.id, intentDigest(intent), JSON.stringify(intent), JSON.stringify(proposal)],
    );
  }

  private async hashAt(chain: string, sequence: number): Promise<string | undefined> {
    return (await this.database.manager.findOneBy(CharterEntryRow, { chain, sequence }))?.hash;
  }

  private async report(signer: string, { chain, sequence, problem }: Fork): Promise<void> {
    this.agreed.delete(signer);
    this.log.error(`${signer} has another charter: ${chain}#${sequence}: ${problem}`);
    await this.incidents.open(this.database.manager, {
      kind: 'charter.fork',
      key: `charter.fork:${signer}:${chain}:${sequence}`,
      detail: { signer, chain, sequence: String(sequence), problem },
    });
  }
}

const OTHER_ENTRY = 'another entry stands at this place';

/** Whether a charter, as it stands, knows a signer as one in service. */
export const isLive = ({ signers }: Pick<CharterState, 'signers'>, id: string): boolean =>
  signers.get(id)?.retired === false;

/** An entry of a client's chain is taken while the firm's head is the one that it names. */
function inOrderOfTheFirm({ intent: a }: CharterEntry, { intent: b }: CharterEntry): number {
  const place = ({ chain, sequence, firmHead }: CharterEntry['intent']): number =>
    chain === FIRM_CHAIN ? sequence : (firmHead?.sequence ?? 0);
  if (place(a) !== place(b)) return place(a) - place(b);
  if ((a.chain === FIRM_CHAIN) !== (b.chain === FIRM_CHAIN)) return a.chain === FIRM_CHAIN ? -1 : 1;
  return a.sequence - b.sequence;
}
