import { jest } from '@jest/globals';
import { BITCOIN_NETWORKS, REGTEST, type BitcoinChainId } from '@bulkhead/intent';
import { buildPsbt, decodePsbt, deriveAddress, type BitcoinFacts } from '@bulkhead/bitcoin';
import { Psbt, Transaction } from 'bitcoinjs-lib';
import fc from 'fast-check';
import { fundedCoin, softwareQuorum } from '../test/software-quorum.js';

jest.setTimeout(30_000); // property tests, also on a busy machine

const { spec } = softwareQuorum({ seed: 'decode' });
const payee = deriveAddress(softwareQuorum({ seed: 'payee' }).spec, 0, 0);
const coins = [0, 1].map((index) => fundedCoin(spec, { branch: 0, index }, 70_000n, `coin ${index}`));

function buildExample(): { psbt: string; facts: BitcoinFacts } {
  const result = buildPsbt({
    spec,
    coins,
    payments: [{ address: payee.address, amountSat: 100_000n }],
    change: { branch: 1, index: 0 },
    feeRateSatVb: 3n,
    maxFeeSat: 10_000n,
  });
  if (!result.ok) throw new Error(result.refusal.code);
  return result.value;
}
const example = buildExample();
const exampleBytes = Buffer.from(example.psbt, 'base64');

const codeOf = (psbt: string): string => {
  const result = decodePsbt(psbt, REGTEST);
  return result.ok ? 'accepted' : result.refusal.code;
};

type RawInput = Psbt['data']['inputs'][number];
/** The example with its first input map changed. */
const withInput = (change: (input: RawInput) => void): string => {
  const psbt = Psbt.fromBase64(example.psbt);
  change(psbt.data.inputs[0]!);
  return psbt.toBase64();
};
/** The example with its unsigned transaction changed behind the library's back. */
const withTransaction = (change: (transaction: Transaction) => void): string => {
  const before = Psbt.fromBase64(example.psbt).data.getTransaction();
  const transaction = Transaction.fromBuffer(before);
  change(transaction);
  const after = transaction.toBuffer();
  // the unsigned transaction is the first value: 5 bytes of magic, key length, key, value length, value
  const length = exampleBytes[7]! < 0xfd ? 1 : 3;
  const prefix = after.length < 0xfd ? [after.length] : [0xfd, after.length & 0xff, after.length >> 8];
  const rest = exampleBytes.subarray(7 + length + before.length);
  return Buffer.concat([exampleBytes.subarray(0, 7), Buffer.from(prefix), after, rest]).toString('base64');
};

describe('decoding a PSBT', () => {
  it('gives the facts from the previous transactions and the outputs', () => {
    expect(decodePsbt(example.psbt, REGTEST)).toEqual({ ok: true, value: example.facts });
    expect(example.facts.inputs.map((input) => input.outpoint).sort()).toEqual(
      coins.map(({ txid, vout }) => `${txid}:${vout}`).sort(),
    );
    expect(example.facts.inputs.every((input) => input.amountSat === 70_000n)).toBe(true);
  });

  it('writes addresses for the chain it is asked about', () => {
    const main = (Object.keys(BITCOIN_NETWORKS) as BitcoinChainId[])[0]!;
    const result = decodePsbt(example.psbt, main);
    expect(result.ok && result.value.outputs.every((output) => output.address.startsWith('bc1q'))).toBe(true);
  });

  it('does not need the witness UTXO', () => {
    expect(codeOf(withInput((input) => delete input.witnessUtxo))).toBe('accepted');
  });

  it('accepts an explicit SIGHASH_ALL and nothing else', () => {
    expect(codeOf(withInput((input) => (input.sighashType = 1)))).toBe('accepted');
    for (const sighashType of [0, 2, 3, 0x81, 0x83]) {
      expect(codeOf(withInput((input) => (input.sighashType = sighashType)))).toBe('bitcoin.sighash-not-all');
    }
  });

  const key = Buffer.from(spec.quorumKeys[0]!, 'hex');
  it.each<[string, string, string]>([
    [
      'an input without its previous transaction',
      'bitcoin.previous-transaction-missing',
      withInput((input) => delete input.nonWitnessUtxo),
    ],
    [
      'the previous transaction of another input',
      'bitcoin.previous-transaction-mismatch',
      withInput((input) => (input.nonWitnessUtxo = Psbt.fromBase64(example.psbt).data.inputs[1]!.nonWitnessUtxo!)),
    ],
    [
      'a previous transaction that cannot be read',
      'bitcoin.previous-transaction-mismatch',
      withInput((input) => (input.nonWitnessUtxo = Buffer.from('00', 'hex'))),
    ],
    [
      'a witness UTXO with another amount',
      'bitcoin.previous-transaction-mismatch',
      withInput((input) => (input.witnessUtxo = { ...input.witnessUtxo!, value: 69_999n })),
    ],
    [
      'the script of another address of the same wallet',
      'bitcoin.script-mismatch',
      withInput((input) => (input.witnessScript = Buffer.from(deriveAddress(spec, 0, 5).witnessScript, 'hex'))),
    ],
    ['no script', 'bitcoin.script-mismatch', withInput((input) => delete input.witnessScript)],
    [
      'a script of another form',
      'bitcoin.script-mismatch',
      withInput((input) => (input.witnessScript = Buffer.from('51', 'hex'))),
    ],
    [
      'a signature',
      'bitcoin.psbt-field-not-allowed',
      withInput((input) => (input.partialSig = [{ pubkey: key, signature: Buffer.from(`300602010102010101`, 'hex') }])),
    ],
    [
      'a final witness',
      'bitcoin.psbt-field-not-allowed',
      withInput((input) => (input.finalScriptWitness = Buffer.from('00', 'hex'))),
    ],
    [
      'a proprietary field',
      'bitcoin.psbt-field-not-allowed',
      withInput(
        (input) => (input.unknownKeyVals = [{ key: Buffer.from('fc01', 'hex'), value: Buffer.from('00', 'hex') }]),
      ),
    ],
    ['version 1', 'bitcoin.transaction-not-standard', withTransaction((transaction) => (transaction.version = 1))],
    ['a lock time', 'bitcoin.transaction-not-standard', withTransaction((transaction) => (transaction.locktime = 500))],
    [
      'a relative lock',
      'bitcoin.transaction-not-standard',
      withTransaction((transaction) => (transaction.ins[1]!.sequence = 144)),
    ],
    [
      'the same coin twice',
      'bitcoin.psbt-malformed',
      withTransaction((transaction) => {
        transaction.ins[1]!.hash = transaction.ins[0]!.hash;
        transaction.ins[1]!.index = transaction.ins[0]!.index;
      }),
    ],
    [
      'an OP_RETURN output',
      'bitcoin.output-undecodable',
      withTransaction((transaction) => (transaction.outs[0]!.script = Buffer.from('6a0548656c6c6f', 'hex'))),
    ],
    [
      'more out than in',
      'segregation.fee-negative',
      withTransaction((transaction) => (transaction.outs[0]!.value = 200_000n)),
    ],
    [
      'an output of more than 21 million',
      'bitcoin.transaction-not-standard',
      withTransaction((transaction) => (transaction.outs[0]!.value = 2_100_000_000_000_001n)),
    ],
    [
      'bytes after the end',
      'bitcoin.psbt-malformed',
      Buffer.concat([exampleBytes, Buffer.alloc(1)]).toString('base64'),
    ],
    ['a line break in the base64', 'bitcoin.psbt-malformed', `${example.psbt}\n`],
    ['nothing', 'bitcoin.psbt-malformed', ''],
  ])('refuses %s as %s', (_, code, psbt) => {
    expect(codeOf(psbt)).toBe(code);
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.uint8Array().map(asPsbt)), (text) => {
        expect(codeOf(text)).not.toBe('accepted');
      }),
    );
  });

  it('refuses any changed byte that leaves the transaction as it is, or the transaction is another one', () => {
    const position = fc.nat(exampleBytes.length - 1);
    fc.assert(
      fc.property(position, fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(exampleBytes);
        changed[at]! ^= flip;
        const result = decodePsbt(changed.toString('base64'), REGTEST);
        if (result.ok) expect(result.value.unsignedTxid).not.toBe(example.facts.unsignedTxid);
      }),
      { numRuns: 1500 },
    );
  });
});

const asPsbt = (tail: Uint8Array): string => Buffer.concat([Buffer.from('70736274ff', 'hex'), tail]).toString('base64');
