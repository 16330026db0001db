type Json = Readonly<Record<string, unknown>>;
export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `context.a.b` of a chain of attributes in Cedar's JSON form, be it read or asked for with `has`. */
export function pathOf(node: unknown): string | undefined {
  if (!isJson(node)) return undefined;
  if (typeof node['Var'] === 'string') return node['Var'];
  const access = node['.'] ?? node['has'];
  if (!isJson(access)) return undefined;
  const left = pathOf(access['left']);
  const { attr } = access;
  const name = Array.isArray(attr) ? attr.join('.') : attr;
  return left !== undefined && typeof name === 'string' ? `${left}.${name}` : undefined;
}

/** Every path that a policy reads, each at its full length: `context.destination` only where it is used as a whole. */
export function pathsIn(value: unknown, paths = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const each of value) pathsIn(each, paths);
  if (!isJson(value)) return paths;
  const path = pathOf(value);
  if (path !== undefined) paths.add(path);
  else for (const part of Object.values(value)) pathsIn(part, paths);
  return paths;
}

/** Every text that a policy holds, patterns aside. */
export function textsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!isJson(value)) return [];
  const { Value: text } = value;
  return typeof text === 'string' ? [text] : Object.values(value).flatMap(textsIn);
}

/** Facts by name; `true` where all below is wanted. */
type Wanted = true | Map<string, Wanted>;

/** What of the context these paths reach: all else cannot change an answer, and need not be handed over. */
export function contextReader(paths: Iterable<string>): (context: Json) => Json {
  let wanted: Wanted = new Map();
  for (const path of paths) {
    const [variable, ...names] = path.split('.');
    if (variable === 'context') wanted = reach(wanted, names);
  }
  return (context) => pick(context, wanted) as Json;
}

function reach(wanted: Wanted, [name, ...rest]: readonly string[]): Wanted {
  if (wanted === true || name === undefined) return true;
  return wanted.set(name, reach(wanted.get(name) ?? new Map<string, Wanted>(), rest));
}

function pick(value: unknown, wanted: Wanted): unknown {
  // an entity is one value: what is below it lies in the entities
  if (wanted === true || !isJson(value) || '__entity' in value) return value;
  const entries = [...wanted].flatMap(([name, below]): [string, unknown][] =>
    Object.hasOwn(value, name) ? [[name, pick(value[name], below)]] : [],
  );
  return Object.fromEntries(entries);
}
