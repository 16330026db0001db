import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { finalisePsbt } from '@bulkhead/bitcoin';
import { bitcoinSpec } from '@bulkhead/charter';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { Psbt, script } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { AlphaPayments, FEE_RATE_SAT_VB } from '../support/alpha-payments.js';
import { bytesOf, codeOf } from '../support/outcome.js';

jest.setTimeout(60_000); // real processes on a busy machine

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
});
afterAll(() => alpha.processes.stop());

const validator = (publicKey: Uint8Array, hash: Uint8Array, signature: Uint8Array) =>
  ecc.verify(hash, publicKey, signature);

describe('a Bitcoin transfer', () => {
  it('is signed by each signer, as bitcoinjs verifies, and two of three make it whole', async () => {
    const payload = alpha.honest();
    const request = alpha.request(payload);
    const answers = [orThrow(await alpha.a.signTransfer(request)), orThrow(await alpha.b.signTransfer(request))];
    for (const { signatures } of answers) {
      expect(signatures).toHaveLength(1);
      const { publicKey, signature } = signatures[0]!;
      const psbt = Psbt.fromBase64(payload.psbt);
      const partial = { pubkey: bytesOf(publicKey), signature: script.signature.encode(bytesOf(signature), 1) };
      psbt.updateInput(0, { partialSig: [partial] });
      expect(psbt.validateSignaturesOfInput(0, validator)).toBe(true);
    }
    const signatures = answers.flatMap((answer) =>
      answer.signatures.map(({ inputIndex, publicKey, signature }) => ({
        inputIndex: inputIndex ?? 0,
        publicKey,
        signature: bytesOf(signature),
      })),
    );
    const final = finalisePsbt(payload.psbt, bitcoinSpec(alpha.firm.bitcoin.alpha), signatures);
    expect(codeOf(final)).toBe('accepted');
  });

  it('asked for again gives the same signatures, also to many at once', async () => {
    const request = alpha.request(alpha.honest());
    const answers = await Promise.all(Array.from({ length: 8 }, () => alpha.a.signTransfer(request)));
    const [first, ...others] = answers.map((answer) => orThrow(answer).signatures);
    for (const other of others) expect(other).toEqual(first);
    expect(orThrow(await alpha.a.signTransfer(request)).signatures).toEqual(first);
  });

  it('binds its coins: no other transaction spends them, not even one with every approval', async () => {
    const coin = alpha.coin();
    expect(codeOf(await alpha.a.signTransfer(alpha.request(alpha.honest(undefined, coin))))).toBe('accepted');
    const dearer = alpha.honest(undefined, coin, FEE_RATE_SAT_VB + 1n);
    expect(await alpha.a.signTransfer(alpha.request(dearer))).toMatchObject({
      ok: false,
      refusal: { code: 'segregation.coin-committed', facts: { resource: `${REGTEST}/coin:${coin.txid}:0` } },
    });
  });

  it('wins its coin alone when several ask at the same moment', async () => {
    const coin = alpha.coin();
    const rivals = [5n, 6n, 7n, 8n].map((rate) => alpha.request(alpha.honest(undefined, coin, rate)));
    const codes = (await Promise.all(rivals.map((request) => alpha.a.signTransfer(request)))).map(codeOf);
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
    expect(codes.filter((code) => code === 'segregation.coin-committed')).toHaveLength(3);
  });
});

describe('a signer that lacks charter entries', () => {
  it('says so, and signs once it has them', async () => {
    const house = { id: 'second-house', name: 'Second house' };
    const entry = alpha.charter.append({ kind: 'house.open', owner: house });
    const request = alpha.request(alpha.honest());
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('charter.behind');
    expect(codeOf(await alpha.a.pushEntries([entry]))).toBe('accepted');
    expect(codeOf(await alpha.a.signTransfer(request))).toBe('accepted');
  });
});

describe('a signer in trouble', () => {
  const another = async () => codeOf(await alpha.a.signTransfer(alpha.request(alpha.honest())));
  const part = (name: 'signer-a' | 'postgres') => alpha.processes.stack.part(name);
  /** The last code, once it is the wanted one or 20 s have passed. */
  const eventually = async (wanted: string): Promise<string> => {
    let code = '';
    for (const end = Date.now() + 20_000; code !== wanted && Date.now() < end;) code = await another();
    return code;
  };

  it('goes on after its module host was killed', async () => {
    const pid = String(part('signer-a').pid);
    const [host] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    const underWay = another();
    process.kill(host!, 'SIGKILL');
    expect(['accepted', 'keys.unavailable']).toContain(await underWay);
    expect(await eventually('accepted')).toBe('accepted');
  });

  it('goes on after its database was restarted', async () => {
    const { pid } = part('signer-a');
    await part('postgres').stop();
    expect(await another()).toBe('database.unavailable');
    expect(codeOf(await alpha.a.health())).toBe('database.unavailable');
    await part('postgres').start();
    expect(await eventually('accepted')).toBe('accepted');
    expect(part('signer-a').pid).toBe(pid);
  });

  it('remembers after a SIGKILL what it has signed, and which coins it has committed', async () => {
    const coin = alpha.coin();
    const request = alpha.request(alpha.honest(undefined, coin));
    const before = orThrow(await alpha.a.signTransfer(request)).signatures;
    await part('signer-a').kill('SIGKILL');
    await part('signer-a').start();
    expect(orThrow(await alpha.a.signTransfer(request)).signatures).toEqual(before);
    const dearer = alpha.request(alpha.honest(undefined, coin, FEE_RATE_SAT_VB + 1n));
    expect(codeOf(await alpha.a.signTransfer(dearer))).toBe('segregation.coin-committed');
  });

  it('ends cleanly on SIGTERM, and takes its module host with it', async () => {
    const pid = String(part('signer-a').pid);
    const host = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    await part('signer-a').stop();
    expect(() => process.kill(Number(host), 0)).toThrow('ESRCH');
    expect(readFileSync(part('signer-a').logFile, 'utf8')).toMatch(/SIGTERM: ending/);
    await part('signer-a').start();
    expect(await another()).toBe('accepted');
  });
});
