import { readFileSync } from 'node:fs';
import { REFUSALS, refused, orThrow, RefusalError } from './refusals.js';

const guide = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
const documented = [...guide.matchAll(/^\| `([a-z]+\.[a-z-]+)` +\| (\d{3}) +\| (.+?) +\|$/gm)].map(
  ([, code, status, meaning]) => ({ code, status: Number(status), meaning }),
);

describe('the catalogue of refusals', () => {
  it('is the table in docs/api.md, code by code, with its status', () => {
    const catalogue = Object.entries(REFUSALS).map(([code, status]) => ({ code, status }));
    expect(documented.map(({ code, status }) => ({ code, status }))).toEqual(catalogue);
  });

  it('answers with a client’s or a server’s error, never with success', () => {
    expect(Object.entries(REFUSALS).filter(([, status]) => status < 400 || status > 599)).toEqual([]);
  });

  it('carries a refusal through code that can only throw', () => {
    const result = refused('amount.dust', 'Too small.', { amount: '1' });
    expect(() => orThrow(result)).toThrow(RefusalError);
    expect(() => orThrow(result)).toThrow('amount.dust: Too small.');
  });
});
