import type { Quorum } from '@bulkhead/approval';

/** `1 operator and 1 compliance, or 3 operator` */
export const quorumInWords = ({ anyOf }: Quorum): string =>
  anyOf
    .map((requirements) => requirements.map(({ group, threshold }) => `${threshold} ${group}`).join(' and '))
    .join(', or ');

const UNITS = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

/** In its largest whole unit: `2 days`, `90 minutes`. */
export function duration(seconds: number): string {
  if (seconds === 0) return '';
  const [length, name] = UNITS.find(([unit]) => seconds % unit === 0) ?? [1, 'second'];
  const count = seconds / length;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** Every field of an act on a line of its own, by its path: nothing that is signed is left out. */
export function describeAct(act: object): string[] {
  const fields = fieldsOf(act, '');
  const width = Math.max(...fields.map(([path]) => path.length));
  return fields.map(([path, value]) => `  ${path.padEnd(width)}  ${value}`);
}

function fieldsOf(value: unknown, path: string): [path: string, value: string][] {
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, Array.isArray(value) ? '(none)' : '{}']];
  return entries.flatMap(([name, inner]) => fieldsOf(inner, path === '' ? name : `${path}.${name}`));
}

const ADVICE: Readonly<Record<string, string>> = {
  'approval.not-eligible': 'Have a member of a role that may start it propose it: see `bulkhead charter show`.',
  'charter.act-not-allowed': 'Give it a quorum first, by an act quorum.set.',
  'charter.firm-head-stale': 'The charter has moved: propose it anew.',
  'charter.rollback': 'The charter has moved: propose it anew.',
  'charter.fork': 'The charter has moved: propose it anew.',
  'charter.delay-not-over': 'Wait until its time has come: see `bulkhead charter pending`.',
  'charter.nothing-pending': 'See what waits: bulkhead charter pending.',
  'charter.quorum-unreachable': 'Enrol the members that the quorum needs first, or ask for fewer.',
  'charter.below-floor': 'Ask for more people, or change the floor first, by an act rules.set.',
  'charter.key-state': 'See where it stands: bulkhead keys show <wallet>.',
  'charter.unknown-key': 'See the wallet’s keys: bulkhead keys show <wallet>.',
  'charter.duties-mixed': 'Name groups of the duty that the refusal asks for.',
  'charter.id-taken': 'Choose another id.',
  'policy.counter-example': 'Change the draft until `bulkhead policy prove` finds nothing.',
};

/** What somebody whose act is refused can do next. */
export const adviceOn = (code: string): string => ADVICE[code] ?? `See ${code} in docs/api.md.`;
