import type { Rule } from '@bulkhead/cedar';

/** What policies look at and compare with: everything that can make their answer differ. */
export interface Constants {
  /** Paths of facts, for example `context.destination.class`. */
  readonly paths: ReadonlySet<string>;
  readonly numbers: ReadonlySet<number>;
  readonly strings: ReadonlySet<string>;
  /** Ids by entity type. */
  readonly entities: ReadonlyMap<string, ReadonlySet<string>>;
  /** Bands at the constants do not cover every case: arithmetic, facts compared with each other, several patterns. */
  readonly beyondBands: boolean;
}

type Json = Readonly<Record<string, unknown>>;
const ORDERINGS = ['<', '<=', '>', '>='] as const;
const ARITHMETIC = ['+', '-', '*', 'neg'] as const;
/** Facts that are entities: their combinations are all tried, so they may be compared with each other. */
const OF_FINITE_KIND = /^(principal|resource)$|\.(owner|estate|class|purpose|feePayer|weekdayUtc)$/;

/** Reads the constants out of Cedar's JSON form of policies. */
export function constantsOf(rules: Iterable<Rule>): Constants {
  const reader = new Reader();
  for (const { json } of rules) reader.read(json);
  return reader;
}

class Reader implements Constants {
  readonly paths = new Set<string>();
  readonly numbers = new Set<number>();
  readonly strings = new Set<string>();
  readonly entities = new Map<string, Set<string>>();
  readonly #patterns = new Set<string>();
  #beyondBands = false;

  get beyondBands(): boolean {
    return this.#beyondBands || this.#patterns.size > 1 || this.paths.has('context.amountExact');
  }

  read(value: unknown): void {
    if (Array.isArray(value)) {
      value.forEach((each) => {
        this.read(each);
      });
      return;
    }
    if (!isJson(value)) return;
    this.note(value);
    for (const [name, part] of Object.entries(value)) {
      if (name === 'annotations') continue;
      if (name === 'Value') this.constant(part);
      else this.read(part);
    }
  }

  private note(node: Json): void {
    const path = pathOf(node);
    if (path !== undefined) this.paths.add(path);
    const { type, id } = node;
    if (typeof type === 'string' && typeof id === 'string') this.entity(type, id);
    if (isJson(node['like'])) this.pattern(node['like']['pattern']);
    if (ARITHMETIC.some((name) => name in node)) this.#beyondBands = true;
    for (const name of ORDERINGS) {
      const compared = node[name];
      if (isJson(compared) && ![compared['left'], compared['right']].some((side) => isJson(side) && 'Value' in side))
        this.#beyondBands = true;
    }
    for (const name of ['==', '!='] as const) {
      const compared = node[name];
      if (!isJson(compared)) continue;
      const paths = [compared['left'], compared['right']].map((side) => (isJson(side) ? pathOf(side) : undefined));
      const [left, right] = paths;
      if (left !== undefined && right !== undefined && !paths.every((path) => OF_FINITE_KIND.test(path ?? '')))
        this.#beyondBands = true;
    }
  }

  private constant(value: unknown): void {
    if (typeof value === 'number') this.numbers.add(value);
    else if (typeof value === 'string') this.strings.add(value);
    else this.read(value);
  }

  private entity(type: string, id: string): void {
    const ids = this.entities.get(type);
    if (ids) ids.add(id);
    else this.entities.set(type, new Set([id]));
  }

  /** One text that a `like` pattern matches. */
  private pattern(pattern: unknown): void {
    if (!Array.isArray(pattern)) return;
    const literal = pattern.map((part) => (isJson(part) && typeof part['Literal'] === 'string' ? part['Literal'] : ''));
    const text = literal.join('');
    this.#patterns.add(text);
    this.strings.add(text);
  }
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `context.a.b` of a chain of attributes, be it read or asked for with `has`. */
function pathOf(node: Json): string | undefined {
  if (typeof node['Var'] === 'string') return node['Var'];
  const access = node['.'] ?? node['has'];
  if (!isJson(access) || !isJson(access['left'])) return undefined;
  const left = pathOf(access['left']);
  const { attr } = access;
  const name = Array.isArray(attr) ? attr.join('.') : attr;
  return left !== undefined && typeof name === 'string' ? `${left}.${name}` : undefined;
}
