import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { actSchema, type Act } from '@bulkhead/charter';
import { keysMade, tokenHolders, verifyTranscript } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { CeremonyTable } from '../support/ceremony-table.js';
import { publicPart } from '../support/members.js';
import { bulkhead, type Ran } from '../support/run-bulkhead.js';
import { usualFirm } from '../support/wallets.js';

jest.setTimeout(300_000);

const FIRM = 'ab'.repeat(32);
const FINGERPRINT = 'd'.repeat(64);

describe('a ceremony of tokens in a firm that is there', () => {
  const table = new CeremonyTable();
  const file = (name: string): string => table.path(name);
  const [first, second] = table.tokens();

  afterAll(() => {
    table.clear();
  });

  function plan(name: string, terms: object): void {
    const rota = [{ performer: 'olivia', witness: 'carla' }];
    const members = table.everybody.map(publicPart);
    const common = { name, firm: FIRM, members, rota, actsFolder: 'acts' };
    writeFileSync(file(`${name}.json`), JSON.stringify({ ...common, ...terms }));
  }
  const hold = (name: string): Promise<Ran> =>
    bulkhead(
      ...['ceremony', 'token', '--plan', file(`${name}.json`), '--transcript', file(`${name}.jsonl`)],
      ...['--keys', table.keys],
    );
  const act = (name: string): Act => actSchema.parse(JSON.parse(readFileSync(file(`acts/${name}.json`), 'utf8')));

  it('makes a spare token with its keys, and the act that enrols its signer', async () => {
    plan('spare', {
      tokens: [{ ...first, signer: 'signer-d', holder: 'Erika', place: 'vault 4' }],
      wallets: ['later-btc', 'later-safe'],
      acts: [{ kind: 'signer.enrol', signer: 'signer-d', tlsFingerprint: FINGERPRINT }],
    });
    expect(await hold('spare')).toMatchObject({ status: 0, output: expect.stringContaining('signer-d.signer.enrol') });
    const verified = await bulkhead('verify', 'transcript', file('spare.jsonl'), '--firm', FIRM);
    expect(verified).toMatchObject({ status: 0 });
    const finished = orThrow(verifyTranscript(readFileSync(file('spare.jsonl'), 'utf8')));
    const steps = ['roles', 'tool', 'module:signer-d', 'token:signer-d', 'keys:signer-d', 'acts'];
    expect(finished.signed.map(({ id }) => id)).toEqual(steps);
    expect(keysMade(finished).map(({ signer, wallet }) => `${signer} ${wallet}`)).toEqual([
      'signer-d later-btc',
      'signer-d later-safe',
    ]);
    const [holder] = tokenHolders(finished);
    expect(holder).toMatchObject({ holder: 'Erika', place: 'vault 4' });
    const enrol = act('signer-d.signer.enrol');
    expect(enrol).toEqual({
      kind: 'signer.enrol',
      signer: { id: 'signer-d', tlsFingerprint: FINGERPRINT, tokenSerial: holder?.tokenSerial },
    });
    expect(usualFirm().append(enrol)).toBeDefined();
  });

  it('has a signer go on with a replacement, without keys where none are named', async () => {
    plan('move', {
      tokens: [{ ...second, signer: 'signer-b' }],
      acts: [{ kind: 'signer.move-token', signer: 'signer-b' }],
    });
    expect(await hold('move')).toMatchObject({ status: 0 });
    const finished = orThrow(verifyTranscript(readFileSync(file('move.jsonl'), 'utf8')));
    expect(finished.signed.map(({ id }) => id)).not.toContain('keys:signer-b');
    const [{ tokenSerial } = { tokenSerial: null }] = tokenHolders(finished);
    expect(act('signer-b.signer.move-token')).toEqual({ kind: 'signer.move-token', signer: 'signer-b', tokenSerial });
  });

  it.each([
    ['an act of a signer without a token', { acts: [{ kind: 'signer.move-token', signer: 'signer-x' }] }, 'signer-x'],
    ['a signer without its certificate', { acts: [{ kind: 'signer.enrol', signer: 'signer-b' }] }, 'tlsFingerprint'],
    [
      'a certificate file that is none',
      { acts: [{ kind: 'signer.enrol', signer: 'signer-b', tlsCertificateFile: 'plan.json' }] },
      'plan.json is no certificate',
    ],
    ['no token', { tokens: [] }, 'it names no token'],
  ])('is not begun with %s', async (_what, terms, said) => {
    plan('wrong', { tokens: [{ ...second, signer: 'signer-b' }], ...terms });
    expect(await hold('wrong')).toMatchObject({ status: 1, output: expect.stringContaining(said) });
    expect(existsSync(file('wrong.jsonl'))).toBe(false);
  });
});
