import type { Finding } from '@bulkhead/keys';

const CHECK_WIDTH = 20;
const OUTCOME_WIDTH = 8;

/** One finding as a line of text. */
export function findingLine({ check, outcome, needed, detail }: Finding): string {
  return `${outcome.padEnd(OUTCOME_WIDTH)} ${needed ? '*' : ' '} ${check.padEnd(CHECK_WIDTH)} ${detail}`;
}

/** What stands behind a finding that a person must judge, indented; the JSON has the facts of all. */
export function shortFacts({ check, outcome, facts }: Finding): string[] {
  if (outcome !== 'wrong' && check !== 'pin.wrong') return [];
  const said = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
  return said.length === 0 ? [] : [`${' '.repeat(OUTCOME_WIDTH + CHECK_WIDTH + 4)}${said.join('; ')}`];
}
