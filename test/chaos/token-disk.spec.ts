import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import {
  initialiseToken,
  openKeyStore,
  verifyLowS,
  wrappingCheck,
  type KeyStore,
  type TokenRecord,
} from '@bulkhead/keys';
import { eventually } from '../support/eventually.js';
import { limitedFiles, mountedDisk, type FullDisk } from '../support/full-disk.js';
import { softhsmFolder, softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const digest = createHash('sha256').update('a digest').digest();
const record = (generation: number): TokenRecord => ({
  ...{ epoch: 1, generation, holder: 'a'.repeat(32), value: `head ${generation}`.padEnd(1_000) },
});
const signs = async (store: KeyStore, keyId: string, publicKey: string): Promise<boolean> =>
  verifyLowS(digest, Buffer.from(publicKey, 'hex'), orThrow(await store.signDigest(keyId, digest)));

// the disk of its own where this user may mount one; the limit stands for it everywhere, so nothing is left out
const mounted = softhsmFolder('full-disk');
const mountedOrNot = mountedDisk(mounted.tokens);
const disks: (readonly [string, SofthsmFolder, FullDisk])[] = [
  [limitedFiles.what, softhsmFolder('limited-files'), limitedFiles],
];
if (mountedOrNot) disks.push([mountedOrNot.what, mounted, mountedOrNot]);
else mounted.remove();

describe.each(disks)('a token that cannot write, with so many %s', (_what, token, disk) => {
  let store: KeyStore;
  const hostPid = (): number => {
    const { hostPid: pid } = store.health();
    if (pid === undefined) throw new Error('no module host runs');
    return pid;
  };
  const fill = (room: number): void => {
    disk.fill(room, hostPid());
  };
  const restartHost = async (): Promise<void> => {
    const before = store.health().hostPid;
    if (before !== undefined) process.kill(before, 'SIGKILL');
    await eventually('another host', () => store.health().state === 'ready' && store.health().hostPid !== before);
  };
  /** There is room again, and nothing is remembered but what was written. */
  const startAnew = async (): Promise<void> => {
    disk.free(store.health().hostPid);
    await restartHost();
  };

  beforeAll(async () => {
    await initialiseToken(token);
    store = await openKeyStore({ ...token, requestTimeoutMs: 10_000 });
  });
  afterAll(async () => {
    await store.close();
    disk.remove();
    token.remove();
  });

  it.each(disk.rooms)('%i: gives no key that would be gone at the next start', async (room) => {
    const keyId = `alpha/room-${room}`;
    fill(room);
    const made = await store.generateKey(keyId);
    await startAnew();
    if (made.ok) expect(await signs(store, keyId, made.value.publicKey)).toBe(true);
    else expect(await store.signDigest(keyId, digest)).toMatchObject({ ok: false });
    // and a key of that name can be made once there is room
    const again = orThrow(await store.generateKey(`${keyId}/again`));
    expect(await signs(store, again.keyId, again.publicKey)).toBe(true);
  });

  it.each(disk.rooms)('%i: says of no wrapping key that it is there when it would be gone', async (room) => {
    const [name, secret] = [`backup-${room}`, randomBytes(32)];
    fill(room);
    const installed = await store.installWrappingKey(name, secret);
    await startAnew();
    const found = await store.wrappingKeyCheck(name);
    if (installed.ok) expect(found).toEqual(installed);
    // the secret is still with its custodians: installing it again makes whole what was begun
    expect(orThrow(await store.installWrappingKey(name, secret))).toBe(wrappingCheck(secret));
  });

  it.each([disk.full, disk.rooms.at(-1) ?? 0])('%i: says of no share that it is kept which is not', async (room) => {
    const [sealKey, share] = [`frost/room-${room}`, randomBytes(2_000)];
    orThrow(await store.generateSealKey(sealKey));
    fill(room);
    const kept = await store.keepSealed(sealKey, share);
    await startAnew();
    const found = orThrow(await store.listSealed()).filter(({ keyId }) => keyId === sealKey);
    if (room === disk.full) expect(kept).toMatchObject({ ok: false });
    if (kept.ok) expect(found).toEqual([{ keyId: sealKey, bytes: Uint8Array.from(share) }]);
    orThrow(await store.keepSealed(sealKey, share));
    expect(orThrow(await store.listSealed())).toContainEqual({ keyId: sealKey, bytes: Uint8Array.from(share) });
    orThrow(await store.destroySealKey(sealKey));
  });

  it('none: makes no key and no wrapping key', async () => {
    fill(disk.full);
    expect(await store.generateKey('alpha/none')).toMatchObject({ ok: false });
    await startAnew();
    fill(disk.full);
    expect(await store.installWrappingKey('none', randomBytes(32))).toMatchObject({ ok: false });
    await startAnew();
  });

  it('none: signs with what it has', async () => {
    const { publicKey } = orThrow(await store.generateKey('alpha/kept'));
    fill(disk.full);
    expect(await signs(store, 'alpha/kept', publicKey)).toBe(true);
    await startAnew();
  });

  it('none: never forgets the record that it had at the start, whatever the module says of later ones', async () => {
    orThrow(await store.advanceRecord(null, record(1)));
    await restartHost();
    fill(disk.full);
    for (const generation of [2, 3, 4]) await store.advanceRecord(record(generation - 1), record(generation));
    await startAnew();
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
