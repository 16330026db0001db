import { Inject, Injectable } from '@nestjs/common';
import type { CharterEntry } from '@bulkhead/charter';
import { buildKit, tokenHolders, type RecoveryKit, type TokenHolder } from '@bulkhead/evidence';
import { orThrow, refused, RefusalError, type Digest } from '@bulkhead/intent';
import { CharterService } from '../../charter/core/charter.service.js';
import { CONFIG, type Config } from '../../config.js';
import { ceremonyOf } from './ceremony-transcript.js';

const PAGE = 500;
/** Whose work it is to keep kits, and to use them. */
const KEEPERS: readonly string[] = ['operator', 'compliance'];

/** Recovery kits as `bulkhead kit` writes them: made of the charter, with no secret in them. */
@Injectable()
export class KitsService {
  constructor(
    private readonly charter: CharterService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws RefusalError `request.forbidden` for a member of another role, `request.not-found` for no such owner */
  async kitOf(owner: string, member: string): Promise<RecoveryKit> {
    const { members, owners, firm } = await this.charter.required();
    const role = members.get(member)?.role ?? 'none';
    if (!KEEPERS.includes(role)) {
      const detail = 'Recovery kits are for operators and compliance officers.';
      throw new RefusalError(refused('request.forbidden', detail, { member, role }).refusal);
    }
    if (!owners.has(owner)) {
      throw new RefusalError(refused('request.not-found', 'No such client.', { owner }).refusal);
    }
    const [entries, holders] = await Promise.all([this.entries(), this.holders(firm)]);
    return orThrow(buildKit(entries, firm, owner, holders, new Date().toISOString()));
  }

  private async entries(): Promise<CharterEntry[]> {
    const entries: CharterEntry[] = [];
    for (let after = '0'; ;) {
      const page = await this.charter.entries(after, PAGE);
      entries.push(...page.map(({ entry }) => entry));
      const last = page.at(-1);
      if (!last || page.length < PAGE) return entries;
      after = last.position;
    }
  }

  /** Where the tokens are, as the ceremony's signed steps have it; without a transcript, as the charter has it. */
  private async holders(firm: Digest): Promise<TokenHolder[]> {
    const ceremony = await ceremonyOf(this.config, firm);
    return ceremony ? tokenHolders(ceremony) : [];
  }
}
