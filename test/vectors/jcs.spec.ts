import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '@bulkhead/intent';

const VECTORS = join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors', 'jcs');

/** The test data of RFC 8785's author (cyberphone/json-canonicalization): each input and its canonical bytes. */
describe('canonical JSON, by the vectors of RFC 8785', () => {
  if (!existsSync(VECTORS)) {
    console.warn('RFC 8785 vectors are not here (../shared/vectors/jcs): NOT CHECKED');
    it.skip('RFC 8785 vectors are absent from ../shared/vectors/jcs', () => undefined);
    return;
  }
  const names = readdirSync(join(VECTORS, 'input'));

  it('has every vector', () => {
    expect(names.sort()).toEqual([
      'arrays.json',
      'french.json',
      'structures.json',
      'unicode.json',
      'values.json',
      'weird.json',
    ]);
    expect(readdirSync(join(VECTORS, 'output')).sort()).toEqual(names);
  });

  it.each(names)('%s', (name) => {
    const input: unknown = JSON.parse(readFileSync(join(VECTORS, 'input', name), 'utf8'));
    const output = readFileSync(join(VECTORS, 'output', name), 'utf8');
    expect(canonicalJson(input)).toBe(output);
    expect(canonicalJson(JSON.parse(output))).toBe(output);
  });
});
