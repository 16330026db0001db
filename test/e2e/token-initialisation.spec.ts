import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { initialiseToken, openKeyStore } from '@bulkhead/keys';
import { shimOver } from '../support/pkcs11-shim.js';
import { softhsmFolder, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000); // a process for each token, on a busy machine

describe('a development token', () => {
  let token: SofthsmFolder;
  beforeEach(() => {
    token = softhsmFolder('token-init');
  });
  afterEach(() => {
    token.remove();
  });

  it('is made with random PINs that only its owner may read', async () => {
    await initialiseToken(token);
    expect(readdirSync(token.tokens)).toHaveLength(1);
    expect(readFileSync(token.pinFile, 'utf8')).toMatch(/^[0-9A-Za-z]{32}$/);
    expect(readFileSync(token.soPinFile, 'utf8')).not.toBe(readFileSync(token.pinFile, 'utf8'));
    for (const file of [token.pinFile, token.soPinFile]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('has PINs as short as its module wants them', async () => {
    const shim = shimOver(token, token.folder);
    shim.inflict('C_GetTokenInfo longest-pin 8');
    await initialiseToken({ ...token, ...shim });
    for (const file of [token.pinFile, token.soPinFile]) expect(readFileSync(file, 'utf8')).toMatch(/^[0-9A-Za-z]{8}$/);
    const store = await openKeyStore(token);
    expect(orThrow(await store.tokenInfo()).label).toBe(token.tokenLabel);
    await store.close();
  });

  it('is kept when it is asked for again', async () => {
    await initialiseToken(token);
    const [pin, tokens] = [readFileSync(token.pinFile), readdirSync(token.tokens)];
    await initialiseToken(token);
    expect(readFileSync(token.pinFile)).toEqual(pin);
    expect(readdirSync(token.tokens)).toEqual(tokens);
  });

  it('is not touched, and no PIN is made up, when its PIN file is gone', async () => {
    await initialiseToken(token);
    rmSync(token.pinFile);
    await expect(initialiseToken(token)).rejects.toThrow(/PIN files do not/);
    expect(readdirSync(token.folder)).not.toContain('pin');
  });

  it.each(['', ' padded ', 'x'.repeat(33), 'ümlaut'])('is refused the label %j', async (tokenLabel) => {
    await expect(initialiseToken({ ...token, tokenLabel })).rejects.toThrow();
    expect(readdirSync(token.tokens)).toHaveLength(0);
  });

  it('names the paths it tried when the module is not installed', async () => {
    const profile = { ...token.profile, libraries: ['/nonexistent/libpkcs11.so'] };
    await expect(initialiseToken({ ...token, profile })).rejects.toThrow('/nonexistent/libpkcs11.so');
  });
});
