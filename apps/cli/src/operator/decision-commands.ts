import { followDecisions, NO_DECISIONS, type SignedDecision } from '@bulkhead/policy';
import type { Command } from 'commander';
import { replayCharter } from './charter-replica.js';
import { AS, openSession, type As, type Session } from './session.js';
import { table } from './table.js';

interface DecisionView {
  readonly hash: string;
  readonly transfer: string | null;
  readonly decision: SignedDecision;
}

const PAGE = 500;

/** What an auditor does with the records that signers keep of their decisions. */
export function addDecisionCommands(program: Command): void {
  const decisions = program.command('decisions').description('what signers have decided, each record signed by them');
  decisions
    .command('of <transfer>')
    .description('every decision about a transfer, refusals too')
    .option(...AS)
    .action(async (transfer: string, { as }: As) => {
      await ofTransfer(await openSession(as), transfer);
    });
  decisions
    .command('verify')
    .description('check every signer’s whole chain by the charter alone; exit status 1 when one is broken')
    .option(...AS)
    .action(async ({ as }: As) => {
      await verify(await openSession(as));
    });
}

async function ofTransfer({ client, device }: Session, transfer: string): Promise<void> {
  const all = await client.api.get<DecisionView[]>(`/v1/transfers/${transfer}/decisions`, device.apiToken);
  if (all.length === 0) {
    console.log('No signer has been asked about it yet.');
    return;
  }
  const rows = all.map(({ decision: { record } }) => [
    `${record.signer}#${record.position}`,
    record.kind,
    record.decision,
    record.code ?? '',
    record.at,
  ]);
  for (const row of table(['record', 'about', 'decision', 'why', 'at'], rows)) console.log(row);
}

/** Nothing is believed but the genesis: the charter names the signers, and their certificates verify the records. */
async function verify(session: Session): Promise<void> {
  const { signers } = await replayCharter(session);
  for (const signer of signers.values()) {
    const chain = await chainOf(session, signer.id);
    const followed = followDecisions(NO_DECISIONS, chain, signer);
    if (followed.ok) {
      console.log(
        `${signer.id}: ${followed.value.count} decisions, one chain, all signed by it; last ${followed.value.hash}`,
      );
    } else {
      const { position, problem } = followed.refusal.facts;
      console.log(`${signer.id}: BROKEN at decision ${position ?? ''}: ${problem ?? ''}`);
      process.exitCode = 1;
    }
  }
}

async function chainOf({ client, device }: Session, signer: string): Promise<SignedDecision[]> {
  const chain: SignedDecision[] = [];
  for (;;) {
    const after = (chain.at(-1)?.record.position ?? -1) + 1;
    const path = `/v1/signers/${signer}/decisions?after=${after}&limit=${PAGE}`;
    const page = await client.api.get<DecisionView[]>(path, device.apiToken);
    chain.push(...page.map(({ decision }) => decision));
    if (page.length < PAGE) return chain;
  }
}
