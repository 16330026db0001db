import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  applyEntry,
  charterEntrySchema,
  FIRM_CHAIN,
  intentAtEnd,
  type CharterEntry,
  type GenesisAct,
} from '@bulkhead/charter';
import { genesisFacts } from '@bulkhead/evidence';
import { canonicalJson, intentDigest, orThrow, ZERO_DIGEST } from '@bulkhead/intent';
import { Failure, readJsonFile, writeFileAtomically } from '../stack/index.js';
import { show, type People } from './conduct.js';

const LIFE_MS = 86_400_000;

/**
 * Every member's signature on the one genesis, each asked with the whole act before them; it is kept once all are there.
 *
 * @throws Failure when somebody does not sign
 */
export async function signedGenesis(act: GenesisAct, file: string, people: People): Promise<CharterEntry> {
  if (existsSync(file)) return genesisIn(file, act);
  const now = Date.now();
  const [first] = act.members;
  if (!first) throw new Failure('The genesis names no members.');
  const intent = intentAtEnd(ZERO_DIGEST, () => undefined, {
    id: randomUUID(),
    chain: FIRM_CHAIN,
    act,
    initiator: first.id,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + LIFE_MS).toISOString(),
  });
  const hash = intentDigest(intent);
  const facts = { ...genesisFacts(act), 'genesis intent': hash };
  const step = { id: 'genesis', title: 'Sign the charter’s genesis', performer: first.id, witness: first.id };
  const statements = [];
  for (const member of act.members) {
    const decision = member === first ? 'PROPOSE' : 'APPROVE';
    people.tell(`\n  The genesis, for ${member.id} to read and sign:`);
    show(people, facts);
    const approval = await people.sign(member, { step, facts, firm: undefined, hash, decision });
    if (!approval) throw new Failure(`The genesis is not signed by ${member.id}.`, 'Every member signs it.');
    statements.push(approval);
  }
  const [proposal, ...approvals] = statements;
  if (!proposal) throw new Error('a genesis has a proposal');
  const entry: CharterEntry = { v: 1, intent, proposal, approvals, enactedAt: new Date().toISOString() };
  orThrow(applyEntry(undefined, entry));
  writeFileAtomically(file, `${JSON.stringify(entry, null, 2)}\n`);
  return entry;
}

/** @throws Failure unless the file holds a genesis of this very act */
export function genesisIn(file: string, act: GenesisAct): CharterEntry {
  const entry = readJsonFile(file, 'the genesis entry of a charter', charterEntrySchema);
  if (canonicalJson(entry.intent.act) !== canonicalJson(act)) {
    throw new Failure(`${file} is the genesis of another plan or of other tokens.`, 'Take it away, and go on.');
  }
  orThrow(applyEntry(undefined, entry));
  return entry;
}
