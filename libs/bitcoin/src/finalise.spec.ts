import {
  buildPsbt,
  decodeTransaction,
  deriveAddress,
  finalisePsbt,
  signingDigests,
  type BuiltPsbt,
  type InputSignature,
} from '@bulkhead/bitcoin';
import { Psbt, Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { fundedCoin, lookupOf, publicKeyOf, signAll, softwareQuorum } from '../test/software-quorum.js';

const quorum = softwareQuorum({ seed: 'finalise' });
const { spec, privateKeys } = quorum;
const stranger = softwareQuorum({ seed: 'stranger' });
const coins = [0, 1, 2].map((index) => fundedCoin(spec, { branch: index === 2 ? 1 : 0, index }, 50_000n, `c${index}`));

function buildExample(): BuiltPsbt {
  const result = buildPsbt({
    spec,
    coins,
    payments: [{ address: deriveAddress(stranger.spec, 0, 0).address, amountSat: 120_000n }],
    change: { branch: 1, index: 9 },
    feeRateSatVb: 5n,
    maxFeeSat: 10_000n,
  });
  if (!result.ok) throw new Error(result.refusal.code);
  return result.value;
}
const { psbt, facts } = buildExample();

function exampleDigests() {
  const result = signingDigests(psbt, spec, lookupOf(spec, 4));
  if (!result.ok) throw new Error(result.refusal.code);
  return result.value;
}
const digests = exampleDigests();

const codeOf = (signatures: readonly InputSignature[], by = spec): string => {
  const result = finalisePsbt(psbt, by, signatures);
  return result.ok ? 'accepted' : result.refusal.code;
};

describe('the digests to sign', () => {
  it('are those that bitcoinjs-lib signs: its signature verifies against each', () => {
    const reference = Psbt.fromBase64(psbt);
    reference.signAllInputs({
      publicKey: Buffer.from(spec.quorumKeys[0]!, 'hex'),
      sign: (hash: Uint8Array) => Buffer.from(ecc.sign(hash, privateKeys[0]!)),
    });
    const valid = reference.data.inputs.map((_, index) =>
      reference.validateSignaturesOfInput(index, (publicKey, hash, signature) => {
        expect(Buffer.from(hash).equals(digests[index]!.digest)).toBe(true);
        return ecc.verify(hash, publicKey, signature);
      }),
    );
    expect(valid).toEqual([true, true, true]);
    expect(digests.map(({ outpoint }) => outpoint)).toEqual(facts.inputs.map(({ outpoint }) => outpoint));
  });

  it('are not given for a coin that is at no address of the wallet', () => {
    expect(signingDigests(psbt, spec, () => undefined)).toMatchObject({
      ok: false,
      refusal: { code: 'segregation.unknown-input' },
    });
  });

  it('are not given when the script is not the one derived from the spec', () => {
    expect(signingDigests(psbt, spec, () => ({ branch: 0, index: 3 }))).toMatchObject({
      ok: false,
      refusal: { code: 'bitcoin.script-mismatch' },
    });
    expect(signingDigests(psbt, stranger.spec, lookupOf(spec, 4))).toMatchObject({
      ok: false,
      refusal: { code: 'bitcoin.script-mismatch' },
    });
  });
});

describe('finishing a transaction', () => {
  it.each([[[0, 1]], [[2, 0]], [[2, 1]], [[0, 1, 2]]])('puts the signatures of members %j in key order', (members) => {
    const result = finalisePsbt(psbt, spec, signAll(quorum, digests, members));
    if (!result.ok) throw new Error(result.refusal.code);
    expect(result.value.txid).toBe(facts.unsignedTxid);
    const transaction = Transaction.fromHex(result.value.rawTransaction);
    const expected = [...members].sort().slice(0, 2);
    for (const [index, input] of transaction.ins.entries()) {
      const [empty, first, second, script] = input.witness;
      expect(empty).toHaveLength(0);
      expect(Buffer.from(script!).toString('hex')).toBe(facts.inputs[index]!.witnessScript);
      const signers = [first!, second!].map((der) => {
        const { signature, hashType } = decodeDer(der);
        expect(hashType).toBe(Transaction.SIGHASH_ALL);
        return spec.quorumKeys.findIndex((key) =>
          ecc.verify(digests[index]!.digest, Buffer.from(key, 'hex'), signature, true),
        );
      });
      expect(signers).toEqual(expected);
    }
    expect(BigInt(result.value.vsize)).toBeLessThanOrEqual(facts.vsize);
    expect(BigInt(result.value.vsize)).toBeGreaterThan(facts.vsize - 10n);
  });

  it('refuses fewer signatures than the threshold, on any input', () => {
    expect(codeOf([])).toBe('bitcoin.signatures-missing');
    expect(codeOf(signAll(quorum, digests, [1]))).toBe('bitcoin.signatures-missing');
    expect(codeOf(signAll(quorum, digests, [1, 1]))).toBe('bitcoin.signatures-missing');
    expect(codeOf(signAll(quorum, digests, [0, 1]).slice(1))).toBe('bitcoin.signatures-missing');
  });

  const good = signAll(quorum, digests, [0, 1]);
  const [first, ...others] = good;
  it.each<[string, readonly InputSignature[]]>([
    ['a signature of another input', [{ ...first!, inputIndex: 1 }, ...others]],
    ['a signature under another member’s name', [{ ...first!, publicKey: publicKeyOf(privateKeys[2]!) }, ...others]],
    ['a key that is not of the wallet', [...good, ...signAll(stranger, digests.slice(0, 1), [0])]],
    ['an input that there is not', [...good, { ...first!, inputIndex: 3 }]],
    ['a fractional input', [...good, { ...first!, inputIndex: 0.5 }]],
    ['a high-S signature', [{ ...first!, signature: highS(first!.signature) }, ...others]],
    ['a short signature', [{ ...first!, signature: first!.signature.subarray(0, 63) }, ...others]],
    ['zeros for a signature', [{ ...first!, signature: new Uint8Array(64) }, ...others]],
    ['a signature out of range', [{ ...first!, signature: new Uint8Array(64).fill(0xff) }, ...others]],
  ])('refuses %s', (_, signatures) => {
    expect(codeOf(signatures)).toBe('keys.signature-invalid');
  });

  it('refuses a PSBT of another wallet', () => {
    expect(codeOf(good, stranger.spec)).toBe('bitcoin.script-mismatch');
    expect(codeOf(good, { ...spec, recoveryDelayBlocks: 1 })).toBe('bitcoin.script-mismatch');
  });
});

describe('a transaction on the chain', () => {
  it('is read as its coins and outputs', () => {
    const result = finalisePsbt(psbt, spec, signAll(quorum, digests, [0, 1]));
    if (!result.ok) throw new Error(result.refusal.code);
    const read = decodeTransaction(result.value.rawTransaction, spec.chain);
    expect(read).toEqual({
      ok: true,
      value: {
        txid: facts.unsignedTxid,
        isCoinbase: false,
        outpoints: facts.inputs.map((input) => input.outpoint),
        outputs: facts.outputs,
        vsize: result.value.vsize,
      },
    });
  });

  it('is refused when it cannot be read', () => {
    for (const raw of ['', 'zz', '00', coins[0]!.previousTransaction.slice(2)]) {
      expect(decodeTransaction(raw, spec.chain)).toMatchObject({
        ok: false,
        refusal: { code: 'bitcoin.transaction-malformed' },
      });
    }
  });
});

function decodeDer(der: Uint8Array): { signature: Uint8Array; hashType: number } {
  const rLength = der[3]!;
  const number = (bytes: Uint8Array): Buffer =>
    Buffer.from(
      Buffer.from(bytes)
        .toString('hex')
        .replace(/^(00)+/, '')
        .padStart(64, '0'),
      'hex',
    );
  const r = number(der.subarray(4, 4 + rLength));
  const s = number(der.subarray(6 + rLength, der.length - 1));
  return { signature: Buffer.concat([r, s]), hashType: der[der.length - 1]! };
}

function highS(signature: Uint8Array): Uint8Array {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const negated = (order - s).toString(16).padStart(64, '0');
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(negated, 'hex')]);
}
