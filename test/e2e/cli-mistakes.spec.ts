import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildKit, sealKit } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { jest } from '@jest/globals';
import { instant } from '../support/charter-builder.js';
import { bulkhead } from '../support/run-bulkhead.js';
import { softhsmProfile } from '../support/softhsm.js';
import { usualFirm } from '../support/wallets.js';

jest.setTimeout(120_000); // a process for each mistake, on a busy machine

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-mistakes-'));
const SECRET = 'not-json-but-a-pin';
const file = (name: string): string => join(folder, name);
const firm = usualFirm();

beforeAll(() => {
  writeFileSync(file('kit'), sealKit(orThrow(buildKit(firm.entries, firm.firm, 'alpha', [], instant()))));
  writeFileSync(file('key.pem'), firm.members.olivia.privateKeyPem, { mode: 0o600 });
  writeFileSync(file('text'), SECRET);
  writeFileSync(file('array.json'), '[]');
  writeFileSync(file('object.json'), '{}');
  writeFileSync(file('cookie'), 'user:password');
  writeFileSync(file('pin'), '1234', { mode: 0o600 });
  writeFileSync(file('entries.json'), JSON.stringify(firm.entries));
  writeFileSync(file('profile.json'), JSON.stringify({ ...softhsmProfile, keyBackup: 'wrapped' }));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A word of a command that names a file of the folder, or the firm's hash. */
const filled = (command: string): string[] =>
  command.split(' ').map((word) => {
    if (word === '@firm') return firm.firm;
    return word.startsWith('@') ? file(word.slice(1)) : word;
  });
const KIT = '--kit @kit --firm @firm';
const OLIVIA = '--as olivia --key-file @key.pem';
const BACKUP = 'hsm backup --token t --wrapping-key w --out @out';

describe('an ordinary mistake at the command line', () => {
  it.each([
    ['ceremony --plan @none --transcript @t', 'none cannot be read: there is no such file'],
    ['ceremony --plan @text --transcript @t', 'text is not JSON'],
    ['ceremony --plan @object.json --transcript @t', 'object.json is not a plan of this ceremony'],
    ['hsm wrapping-key create --plan @none --transcript @t', 'none cannot be read: there is no such file'],
    ['hsm wrapping-key install --plan @array.json --transcript @t', 'array.json is not a plan of this ceremony'],
    [`${BACKUP} --profile @none --pin-file @pin`, 'none cannot be read: there is no such file'],
    [`${BACKUP} --profile @object.json --pin-file @pin`, 'object.json is not a PKCS#11 profile'],
    [`${BACKUP} --profile @profile.json --pin-file @pin`, 'needs SOFTHSM2_CONF'],
    ['hsm restore --profile @profile.json --token t --pin-file @pin --backup @text', 'text is not JSON'],
    ['verify kit @none --firm @firm', 'none cannot be read: there is no such file'],
    ['verify kit @kit --firm xyz', '--firm is no hash: 64 hex digits'],
    ['verify kit @text --firm @firm', 'kit.malformed'],
    ['verify transcript @none', 'none cannot be read: there is no such file'],
    ['verify transcript @text', 'ceremony.malformed'],
    ['kit --client alpha --out @out --entries @none --firm @firm', 'none cannot be read: there is no such file'],
    ['kit --client alpha --out @out --entries @object.json --firm @firm', 'object.json is not a JSON array of'],
    ['kit --client alpha --out @out --entries @array.json --firm xyz', '--firm is no hash'],
    ['kit --client alpha --out @text/out --entries @entries.json --firm @firm', 'ENOTDIR'],
    ['recover --kit @none --firm @firm', 'none cannot be read: there is no such file'],
    ['recover --kit @text/below --firm @firm', 'below cannot be read: there is no such file'],
    [`recover ${KIT} --bitcoind http://127.0.0.1:9 --cookie @cookie`, 'bitcoind at http://127.0.0.1:9 cannot be'],
    [`recover ${KIT} --bitcoind http://127.0.0.1:9 --cookie @none`, 'none cannot be read: there is no such file'],
    [`recover ${KIT} --bitcoind nowhere --cookie @cookie`, 'nowhere is no URL of a node'],
    [`recover ${KIT} --ethereum http://127.0.0.1:9`, 'no Ethereum node at http://127.0.0.1:9 that answers'],
    [`recover propose-act ${KIT} --as olivia --key-file @none --act @object.json --out @out`, 'none cannot be read'],
    [`recover propose-act ${KIT} --as olivia --key-file @pin --act @object.json --out @out`, 'pin holds no P-256'],
    [`recover propose-act ${KIT} ${OLIVIA} --act @none --out @out`, 'none cannot be read: there is no such file'],
    [`recover propose-act ${KIT} ${OLIVIA} --act @object.json --out @out`, 'object.json is not an act of the'],
    [`recover approve-act ${KIT} ${OLIVIA} --entry @text`, 'text is not JSON'],
    [`recover enact ${KIT} --entry @array.json --out @out`, 'array.json is not an entry of a charter'],
    [`recover approve ${KIT} ${OLIVIA} --request @array.json`, 'array.json is not a request of recover propose'],
    [`recover sweep ${KIT} --request @none --tokens @array.json`, 'none cannot be read: there is no such file'],
  ])('%s: says what is wrong, and shows no stack', async (command, said) => {
    const { status, output } = await bulkhead(...filled(command));
    expect({ status, output }).toEqual({ status: 1, output: expect.stringContaining(said) });
    expect(output).not.toMatch(/^ {4}at /m);
    expect(output).not.toContain(SECRET);
  });
});
