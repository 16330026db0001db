import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { initialiseToken, openKeyStore, verifyLowS, type KeyStore, type TokenRecord } from '@bulkhead/keys';
import { eventually } from '../support/eventually.js';
import { softhsmFolder, softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const PAGE_BYTES = 4_096;
const DISK_BYTES = 64 * PAGE_BYTES;
const digest = createHash('sha256').update('a digest').digest();
const record = (generation: number): TokenRecord => ({
  ...{ epoch: 1, generation, holder: 'a'.repeat(32), value: `head ${generation}` },
});
const signs = async (store: KeyStore, keyId: string, publicKey: string): Promise<boolean> =>
  verifyLowS(digest, Buffer.from(publicKey, 'hex'), orThrow(await store.signDigest(keyId, digest)));

/** A file system of its own with 256 KiB; it takes root. */
function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a token whose disk is full', () => {
  const token = softhsmFolder('full-disk');
  const isMounted = mountSmallDisk(token.tokens);
  const onDisk = isMounted ? it : it.skip;
  let store: KeyStore;
  const fill = (roomBytes: number): void => {
    const filler = join(token.tokens, 'filler');
    expect(() => {
      writeFileSync(filler, Buffer.alloc(DISK_BYTES));
    }).toThrow(/ENOSPC/);
    truncateSync(filler, Math.max(0, statSync(filler).size - roomBytes));
  };
  const restartHost = async (): Promise<void> => {
    const before = store.health().hostPid;
    if (before !== undefined) process.kill(before, 'SIGKILL');
    await eventually('another host', () => store.health().state === 'ready' && store.health().hostPid !== before);
  };

  beforeAll(async () => {
    if (!isMounted) return;
    await initialiseToken(token);
    store = await openKeyStore({ ...token, requestTimeoutMs: 10_000 });
  });
  afterEach(() => {
    rmSync(join(token.tokens, 'filler'), { force: true });
  });
  afterAll(async () => {
    if (isMounted) {
      await store.close();
      execFileSync('umount', [token.tokens]);
    }
    token.remove();
  });

  // SoftHSM writes a few files for a key, so that with some of these only the last of them finds no room
  onDisk.each([0, 1, 2, 3, 4, 6, 8])(
    'gives no key that would be gone at the next start: with room for %i pages',
    async (pages) => {
      const keyId = `alpha/room-${pages}`;
      fill(pages * PAGE_BYTES);
      const made = await store.generateKey(keyId);
      rmSync(join(token.tokens, 'filler'), { force: true });
      await restartHost();
      if (made.ok) expect(await signs(store, keyId, made.value.publicKey)).toBe(true);
      else expect(await store.signDigest(keyId, digest)).toMatchObject({ ok: false });
      // and a key of that name can be made once there is room
      const again = orThrow(await store.generateKey(`${keyId}/again`));
      expect(await signs(store, again.keyId, again.publicKey)).toBe(true);
    },
  );

  onDisk('signs with what it has', async () => {
    const { publicKey } = orThrow(await store.generateKey('alpha/kept'));
    fill(0);
    expect(await signs(store, 'alpha/kept', publicKey)).toBe(true);
  });

  onDisk('never forgets the record that it had at the start, whatever the module says of later ones', async () => {
    orThrow(await store.advanceRecord(null, record(1)));
    await restartHost();
    fill(0);
    for (const generation of [2, 3, 4]) await store.advanceRecord(record(generation - 1), record(generation));
    rmSync(join(token.tokens, 'filler'), { force: true });
    await restartHost();
    expect(orThrow(await store.readRecord())?.generation).toBeGreaterThanOrEqual(1);
  });
});

describe('a token that was made anew under the same label', () => {
  let token: SofthsmFolder;
  beforeEach(async () => {
    token = await softhsmToken('made-anew');
  });
  afterEach(() => {
    token.remove();
  });

  it('has none of the keys, and another key under an old name is not taken for it', async () => {
    const store = await openKeyStore(token);
    orThrow(await store.generateKey('alpha/kept'));
    for (const entry of readdirSync(token.tokens)) rmSync(join(token.tokens, entry), { recursive: true });
    process.kill(store.health().hostPid!, 'SIGKILL');
    await initialiseToken({ ...token, ...newPins(token) });
    // the signer's PIN file has the PIN of the token that is gone: that counts as one wrong try, and no more
    await eventually('the wrong PIN', () => store.health().state === 'failed');
    expect(store.health().code).toBe('keys.pin-incorrect');
    await store.close();

    const again = await openKeyStore({ ...token, pinFile: newPins(token).pinFile });
    expect(await again.signDigest('alpha/kept', digest)).toMatchObject({ refusal: { code: 'keys.not-found' } });
    expect(orThrow(await again.listKeys())).toEqual([]);
    await again.close();
  });

  it('with the same PIN, too: the key store that knew the key refuses the new one', async () => {
    const store = await openKeyStore(token);
    orThrow(await store.generateKey('alpha/kept'));
    for (const entry of readdirSync(token.tokens)) rmSync(join(token.tokens, entry), { recursive: true });
    reinitialise(token);
    process.kill(store.health().hostPid!, 'SIGKILL');
    await eventually('the new token', async () => (await store.listKeys()).ok);
    expect(await store.signDigest('alpha/kept', digest)).toMatchObject({ refusal: { code: 'keys.not-found' } });
    expect(await store.generateKey('alpha/kept')).toMatchObject({ refusal: { code: 'keys.attributes-wrong' } });
    await store.close();
  });
});

const newPins = ({ folder }: SofthsmFolder) => ({
  pinFile: join(folder, 'new-pin'),
  soPinFile: join(folder, 'new-so-pin'),
});

/** By SoftHSM's own tool, with the PINs that are there. */
function reinitialise({ pinFile, soPinFile, tokenLabel, env }: SofthsmFolder): void {
  const pins = [
    '--pin',
    execFileSync('cat', [pinFile]).toString(),
    '--so-pin',
    execFileSync('cat', [soPinFile]).toString(),
  ];
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', tokenLabel, ...pins], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
}
