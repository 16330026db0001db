import type { Policy } from '@bulkhead/charter';
import type { BackTest, Outcome } from '@bulkhead/policy';
import { Failure } from '../stack/index.js';
import type { Session } from './session.js';

/** A policy as it would be set, or the removal of one. */
export type Draft = Policy | { readonly id: string; readonly remove: true };

interface Page extends BackTest {
  readonly next: string | null;
  readonly total: number;
  readonly historyCut: readonly string[];
}

/**
 * Prints every decision that a draft would have changed, page by page as they come; how far it is goes to the error
 * output. @returns whether there was one
 */
export async function runBackTest({ client, device }: Session, draft: Draft, days: string): Promise<boolean> {
  if (!/^[1-9]\d{0,2}$/.test(days)) throw new Failure(`"${days}" is no number of days.`, 'From 1 to 366.');
  let [seen, changed, notAsked, cut] = [0, 0, 0, 0];
  let after: string | undefined;
  do {
    const page = await client.api.post<Page>('/v1/policies/back-tests', device.apiToken, {
      draft,
      days: Number(days),
      ...(after !== undefined && { after }),
    });
    for (const { transfer, at, wallet, amount, asset, to, before, after: then } of page.changes) {
      console.log(`${transfer}  ${at}  ${wallet} pays ${amount} of ${asset} to ${to}`);
      console.log(`    now:        ${inWords(before)}`);
      console.log(`    with draft: ${inWords(then)}`);
    }
    seen += page.considered + page.notAsked;
    changed += page.changes.length;
    notAsked += page.notAsked;
    cut += page.historyCut.length;
    after = page.next ?? undefined;
    if (page.total > seen) process.stderr.write(`${seen} of ${page.total} transfers\n`);
  } while (after !== undefined);
  console.log(`${changed} of ${seen} decisions of the last ${days} days would change.`);
  if (notAsked > 0) console.log(`${notAsked} of them the charter of today refuses before any policy is asked.`);
  if (cut > 0)
    console.log(`${cut} of them had more spends before them than are counted: velocities are too low there.`);
  return changed > 0;
}

const inWords = (outcome: Outcome): string =>
  outcome.decision === 'PERMIT'
    ? `permitted by ${outcome.policies.join(', ')}; quorums ${outcome.quorums.join(', ')}`
    : `denied: ${outcome.code} ${Object.entries(outcome.facts)
        .map(([name, value]) => `${name}=${value}`)
        .join(', ')}`;
