import { schnorr_FROST as frost, schnorr } from '@noble/curves/secp256k1.js';
import { randomBytes } from 'node:crypto';
import { orThrow, REGTEST, type Result } from '@bulkhead/intent';
import fc from 'fast-check';
import { Psbt, Transaction } from 'bitcoinjs-lib';
import { softwareQuorum } from '../test/software-quorum.js';
import { buildPsbt, type WalletCoin } from './build.js';
import { decodePsbt } from './decode.js';
import { finaliseTaprootPsbt, taprootDigests } from './taproot.js';
import { groupOutputKey, taprootAddress, taprootScript, type TaprootWalletSpec } from './taproot-spec.js';
import { deriveAddress } from './wallet.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const codeOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.code);
const secret = randomBytes(32);
const spec: TaprootWalletSpec = { chain: REGTEST, outputKey: hex(schnorr.getPublicKey(secret)) };
const quorum = softwareQuorum();

function coin(script: string, amountSat = 100_000n): WalletCoin {
  const previous = new Transaction();
  previous.version = 2;
  previous.addInput(Uint8Array.from(randomBytes(32)), 0);
  previous.addOutput(Uint8Array.from(Buffer.from(script, 'hex')), amountSat);
  const previousTransaction = previous.toHex();
  return { txid: previous.getId(), vout: 0, amountSat, branch: 1, index: 0, previousTransaction };
}

const built = orThrow(
  buildPsbt({
    spec,
    coins: [coin(taprootScript(spec)), coin(taprootScript(spec), 70_000n)],
    payments: [{ address: deriveAddress(quorum.spec, 0, 0).address, amountSat: 120_000n }],
    change: { branch: 1, index: 0 },
    feeRateSatVb: 2n,
    maxFeeSat: 10_000n,
  }),
);
/** The same PSBT with something done to its first input. */
const withInput = (change: (input: Psbt['data']['inputs'][number]) => void): string => {
  const psbt = Psbt.fromBase64(built.psbt);
  change(psbt.data.inputs[0]!);
  return psbt.toBase64();
};
const sign = () =>
  orThrow(taprootDigests(built.psbt, spec)).map(({ inputIndex, digest }) => ({
    inputIndex,
    signature: schnorr.sign(digest, secret),
  }));

describe('a Taproot wallet', () => {
  it('gets its change back at its one address, and its size is known before it is signed', () => {
    const { facts } = built;
    expect(facts.outputs.map(({ address }) => address)).toContain(taprootAddress(spec));
    expect(facts.inputs.map(({ witnessScript }) => witnessScript)).toEqual([null, null]);
    const final = orThrow(finaliseTaprootPsbt(built.psbt, spec, sign()));
    expect(BigInt(final.vsize)).toBeLessThanOrEqual(facts.vsize);
    expect(BigInt(final.vsize)).toBeGreaterThan(facts.vsize - 2n);
    expect(final.txid).toBe(facts.unsignedTxid);
  });

  it('is not finished without each signature, or with a wrong one', () => {
    const [first, second] = sign();
    expect(codeOf(finaliseTaprootPsbt(built.psbt, spec, [first!]))).toBe('bitcoin.signatures-missing');
    const swapped = [
      { inputIndex: 0, signature: second!.signature },
      { inputIndex: 1, signature: first!.signature },
    ];
    expect(codeOf(finaliseTaprootPsbt(built.psbt, spec, swapped))).toBe('keys.signature-invalid');
    const cut = { inputIndex: 0, signature: first!.signature.subarray(1) };
    expect(codeOf(finaliseTaprootPsbt(built.psbt, spec, [cut, second!]))).toBe('keys.signature-invalid');
  });

  it('signs no input of another wallet, and another wallet none of its', () => {
    const stranger = { ...spec, outputKey: hex(schnorr.getPublicKey(randomBytes(32))) };
    expect(codeOf(taprootDigests(built.psbt, stranger))).toBe('segregation.unknown-input');
    const mixed = buildPsbt({
      spec,
      coins: [coin(deriveAddress(quorum.spec, 1, 0).scriptPubKey)],
      payments: [{ address: taprootAddress(spec), amountSat: 50_000n }],
      change: { branch: 1, index: 0 },
      feeRateSatVb: 2n,
      maxFeeSat: 10_000n,
    });
    expect(codeOf(mixed)).toBe('bitcoin.previous-transaction-mismatch');
  });

  it.each([
    ['a sighash type', 'bitcoin.sighash-not-all', withInput((input) => (input.sighashType = 0x81))],
    [
      'an internal key',
      'bitcoin.psbt-field-not-allowed',
      withInput((input) => (input.tapInternalKey = randomBytes(32))),
    ],
    ['a signature', 'bitcoin.psbt-field-not-allowed', withInput((input) => (input.tapKeySig = randomBytes(64)))],
    [
      'no previous transaction',
      'bitcoin.previous-transaction-missing',
      withInput((input) => delete input.nonWitnessUtxo),
    ],
    [
      'another amount',
      'bitcoin.previous-transaction-mismatch',
      withInput((input) => (input.witnessUtxo = { ...input.witnessUtxo!, value: 1n })),
    ],
    [
      'a witness script',
      'bitcoin.script-mismatch',
      withInput((input) => (input.witnessScript = Buffer.from(deriveAddress(quorum.spec, 0, 0).witnessScript, 'hex'))),
    ],
  ])('is refused with %s', (_, code, psbt) => {
    expect(codeOf(decodePsbt(psbt, REGTEST))).toBe(code);
  });
});

describe('the key of a group', () => {
  const dealt = (min: number, max: number) => frost.trustedDealer({ min, max });
  const sharesOf = ({ public: { verifyingShares } }: ReturnType<typeof dealt>, max: number): string[] =>
    Array.from({ length: max }, (_, place) => hex(verifyingShares[frost.Identifier.fromNumber(place + 1)]!));

  it('is what a dealer of the library dealt, for any size and threshold', () => {
    const shape = fc
      .integer({ min: 2, max: 6 })
      .chain((max) => fc.tuple(fc.integer({ min: 2, max }), fc.constant(max)));
    fc.assert(
      fc.property(shape, ([min, max]) => {
        const group = dealt(min, max);
        expect(orThrow(groupOutputKey(min, sharesOf(group, max)))).toBe(hex(group.public.commitments[0]!).slice(2));
      }),
      { numRuns: 10 },
    );
  });

  it('is none when a share is of another key, no point, or too few', () => {
    const shares = sharesOf(dealt(2, 3), 3);
    const [stranger] = sharesOf(dealt(2, 3), 3);
    for (const bad of [
      [shares[0]!, shares[1]!, stranger!],
      [shares[0]!, shares[1]!, `02${'00'.repeat(32)}`],
      [shares[1]!, shares[0]!, shares[2]!],
      [shares[0]!],
    ])
      expect(codeOf(groupOutputKey(2, bad))).toBe('bitcoin.wallet-malformed');
  });
});
