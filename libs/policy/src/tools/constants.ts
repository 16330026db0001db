import { isJson, pathOf, pathsIn, type Rule } from '@bulkhead/cedar';

/** What policies look at and compare with: everything that can make their answer differ. */
export interface Constants {
  /** Paths of facts at their full length, for example `context.destination.class`. */
  readonly paths: ReadonlySet<string>;
  /** Values of a number that stand for all others: at least one for each way in which the comparisons can turn out. */
  numbersFor(path: string): ReadonlySet<number>;
  /** Texts that a fact is compared with, and one that matches its pattern. */
  textsFor(path: string): ReadonlySet<string>;
  /** Ids by entity type. */
  readonly entities: ReadonlyMap<string, ReadonlySet<string>>;
  /** These values do not cover every case: anything computed, facts compared with each other, several patterns. */
  readonly beyondBands: boolean;
}

/** Stands for every text and id that no policy names. No id of a charter has brackets; a text that holds it is beyond us. */
export const ANY = '(any other)';

type Json = Readonly<Record<string, unknown>>;
const ORDERINGS = ['<', '<=', '>', '>='] as const;
const FLIPPED = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;
const CONTAINMENTS = ['contains', 'containsAll', 'containsAny'] as const;
/** What Cedar's JSON form calls the rest of what the language has, without arithmetic and extension functions. */
const PLAIN = ['Value', 'Var', '&&', '||', '!', 'in', 'is', 'isEmpty', 'if-then-else', 'Set', 'Record'];
/** Facts of which all combinations are tried, so that they may be compared with each other. */
const OF_FINITE_KIND =
  /^(principal|resource)$|\.(owner|estate|class|purpose|feePayer|(input|output|change)(Owners|Estates)|weekdayUtc|travelRule|isBusinessDay|isBusinessHour|testPaid|coolingOver|looksLikeKnown|category|ownership)$/;
/** Facts with facts below them: what compares one as a whole looks at more than its path says. */
const WHOLE = /^context$|^context\.(destination|call|velocity(\.\w+){0,2})$/;

/** Reads the constants out of Cedar's JSON form of policies. */
export function constantsOf(rules: Iterable<Rule>): Constants {
  const reader = new Reader();
  for (const { json } of rules) {
    for (const scope of [json.principal, json.resource]) reader.entitiesIn(scope);
    for (const { body } of json.conditions) reader.read(body);
  }
  return reader;
}

class Reader implements Constants {
  readonly paths = new Set<string>();
  readonly entities = new Map<string, Set<string>>();
  readonly #numbers = new Map<string, Set<number>>();
  readonly #texts = new Map<string, Set<string>>();
  /** The one pattern of a fact, with what matches it and equals nothing that a policy names. */
  readonly #patterns = new Map<string, { readonly pattern: string; readonly matching: string }>();
  /** Out of places that no single fact is held against: they are tried everywhere, in the hope to hit. */
  readonly #loose = { numbers: new Set<number>(), texts: new Set<string>() };
  #beyond = false;

  get beyondBands(): boolean {
    return (
      this.#beyond ||
      this.paths.has('context.amountExact') ||
      this.paths.has('context.call.arguments') ||
      [...this.paths].some((path) => WHOLE.test(path)) ||
      [...this.#patterns.keys()].some((path) => this.#texts.get(path)?.has(''))
    );
  }

  numbersFor(path: string): ReadonlySet<number> {
    return new Set([...(this.#numbers.get(path) ?? []), ...this.#loose.numbers]);
  }

  textsFor(path: string): ReadonlySet<string> {
    const pattern = this.#patterns.get(factOf(path));
    // the empty text matches no pattern that has a letter
    const ofPattern = pattern === undefined ? [] : ['', pattern.matching];
    return new Set([...ofPattern, ...(this.#texts.get(factOf(path)) ?? []), ...this.#loose.texts]);
  }

  read(node: unknown): void {
    if (Array.isArray(node)) for (const each of node) this.read(each);
    if (!isJson(node)) return;
    const path = pathOf(node);
    if (path !== undefined) {
      this.paths.add(path);
      return;
    }
    const [operator] = Object.keys(node);
    const operand: unknown = Object.values(node)[0];
    if (operator === 'Value') this.loose(operand);
    else if (operator === 'like' && isJson(operand)) this.pattern(operand);
    else if (isOne(ORDERINGS, operator) && isJson(operand)) this.ordering(operator, operand);
    else if ((operator === '==' || operator === '!=') && isJson(operand)) this.equality(operand);
    else if (isOne(CONTAINMENTS, operator) && isJson(operand)) this.containment(operand);
    else {
      if (operator === undefined || !PLAIN.includes(operator)) this.#beyond = true;
      this.readAll(operand);
    }
  }

  entitiesIn(value: unknown): void {
    if (Array.isArray(value)) for (const each of value) this.entitiesIn(each);
    if (!isJson(value)) return;
    const { type, id } = value;
    if (typeof type === 'string' && typeof id === 'string') {
      if (id.includes(ANY)) this.#beyond = true;
      this.entities.set(type, (this.entities.get(type) ?? new Set()).add(id));
    } else for (const part of Object.values(value)) this.entitiesIn(part);
  }

  private readAll(value: unknown): void {
    if (Array.isArray(value)) for (const each of value) this.read(each);
    else if (isJson(value)) for (const part of Object.values(value)) this.read(part);
  }

  /** `path < 5`, or `5 > path`. */
  private ordering(operator: (typeof ORDERINGS)[number], { left, right }: Json): void {
    this.read(isWrittenOut(left) ? undefined : left);
    this.read(isWrittenOut(right) ? undefined : right);
    const forwards = pathOf(left) !== undefined;
    const path = pathOf(forwards ? left : right);
    const value = valueOf(forwards ? right : left);
    if (path === undefined || typeof value !== 'number') {
      this.loose(valueOf(left));
      this.loose(valueOf(right));
      this.#beyond = true;
      return;
    }
    const before = ['<', '>='].includes(forwards ? operator : FLIPPED[operator]);
    this.number(path, before ? [value - 1, value] : [value, value + 1]);
  }

  private equality({ left, right }: Json): void {
    const path = pathOf(left) ?? pathOf(right);
    const other = pathOf(left) === undefined ? left : right;
    const values = elementsOf(other) ?? [other];
    if (path !== undefined && values.every(isWrittenOut)) {
      this.paths.add(path);
      for (const value of values) this.compared(path, value);
      return;
    }
    this.unlessFinite(left, right);
  }

  /** `[1, 2].contains(path)`, or sets of owners. */
  private containment({ left, right }: Json): void {
    const path = pathOf(right);
    const elements = elementsOf(left);
    if (path !== undefined && elements?.every(isWrittenOut)) {
      this.paths.add(path);
      for (const element of elements) this.compared(path, element);
      return;
    }
    this.unlessFinite(left, right);
  }

  private unlessFinite(...sides: readonly unknown[]): void {
    this.read(sides);
    if (![...pathsIn(sides)].every((path) => OF_FINITE_KIND.test(path))) this.#beyond = true;
  }

  private compared(path: string, literal: unknown): void {
    const value = valueOf(literal);
    if (typeof value === 'number') this.number(path, [value - 1, value, value + 1]);
    else if (typeof value === 'string') this.text(path, value);
    else this.entitiesIn(literal);
  }

  /** One pattern for each fact: of two, whether some text matches one and not the other is not looked into. */
  private pattern({ left, pattern }: Json): void {
    const path = pathOf(left);
    const parts = Array.isArray(pattern) ? (pattern as unknown[]) : [];
    const literals = parts.map((part) => (isJson(part) && typeof part['Literal'] === 'string' ? part['Literal'] : ANY));
    const matching = literals.join('');
    if (path === undefined) {
      this.#beyond = true;
      this.read(left);
      return;
    }
    this.paths.add(path);
    if (!parts.includes('Wildcard')) {
      this.text(path, matching);
      return;
    }
    const one = { pattern: JSON.stringify(parts), matching };
    const known = this.#patterns.get(factOf(path)) ?? one;
    if (known.pattern !== one.pattern) this.#beyond = true;
    this.#patterns.set(factOf(path), known);
  }

  private number(path: string, values: readonly number[]): void {
    const known = this.#numbers.get(path) ?? new Set();
    for (const value of values) known.add(value);
    this.#numbers.set(path, known);
  }

  private text(path: string, value: string): void {
    if (value.includes(ANY)) this.#beyond = true;
    const fact = factOf(path);
    this.#texts.set(fact, (this.#texts.get(fact) ?? new Set()).add(value));
  }

  private loose(value: unknown): void {
    if (typeof value === 'number') for (const one of [value - 1, value, value + 1]) this.#loose.numbers.add(one);
    else if (typeof value === 'string') this.#loose.texts.add(value);
    else this.entitiesIn(value);
  }
}

const isOne = <T extends string>(of: readonly T[], name: string | undefined): name is T =>
  (of as readonly (string | undefined)[]).includes(name);

const valueOf = (node: unknown): unknown => (isJson(node) ? node['Value'] : undefined);
/** A value as it stands in the text: what is computed, be it from nothing but values, we do not compute. */
const isWrittenOut = (node: unknown): boolean => valueOf(node) !== undefined;
const elementsOf = (node: unknown): readonly unknown[] | undefined =>
  isJson(node) && Array.isArray(node['Set']) ? (node['Set'] as unknown[]) : undefined;
/** The chain of the wallet is that of the transfer: one fact under two names. */
const factOf = (path: string): string => (path === 'resource.chain' ? 'context.chain' : path);
