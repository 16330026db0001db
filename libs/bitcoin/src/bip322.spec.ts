import { BITCOIN_NETWORKS, REGTEST, type BitcoinChainId } from '@bulkhead/intent';
import { payments, script, Transaction } from 'bitcoinjs-lib';
import fc from 'fast-check';
import * as ecc from 'tiny-secp256k1';
import { toSignTransaction, toSpendTransaction, verifyMessage } from './bip322.js';
import { sha256 } from './bytes.js';

const MAIN = (Object.keys(BITCOIN_NETWORKS) as BitcoinChainId[]).find((chain) => BITCOIN_NETWORKS[chain] === 'main')!;
const codeOf = (message: string, address: string, signature: string, chain: BitcoinChainId = MAIN): string => {
  const result = verifyMessage(message, address, chain, signature);
  return result.ok ? 'accepted' : result.refusal.code;
};
const UNPROVEN = 'address.ownership-unproven';

/** Signatures that others have published: the BIP, Bitcoin Core's functional tests, bip322-js. */
const PUBLISHED: readonly [string, BitcoinChainId, string, string, string][] = [
  [
    'P2WPKH (BIP-322)',
    MAIN,
    'Hello World',
    'bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l',
    'AkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=',
  ],
  [
    'P2TR with SIGHASH_ALL (bip322-js)',
    MAIN,
    'Hello World',
    'bc1ppv609nr0vr25u07u95waq5lucwfm6tde4nydujnu8npg4q75mr5sxq8lt3',
    'AUHd69PrJQEv+oKTfZ8l+WROBHuy9HKrbFCJu7U1iK2iiEy1vMU5EfMtjc+VSHM7aU0SDbak5IUZRVno2P5mjSafAQ==',
  ],
  [
    'P2SH-P2WPKH (bip322-js)',
    MAIN,
    'Hello World',
    '3HSVzEhCFuH9Z3wvoWTexy7BMVVp3PjS6f',
    'AkgwRQIhAMd2wZSY3x0V9Kr/NClochoTXcgDaGl3OObOR17yx3QQAiBVWxqNSS+CKen7bmJTG6YfJjsggQ4Fa2RHKgBKrdQQ+gEhAxa5UDdQCHSQHfKQv14ybcYm1C9y6b12xAuukWzSnS+w',
  ],
  [
    'P2PKH (rpc_signmessage.py of Bitcoin Core)',
    REGTEST,
    'This is just a test message',
    'mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB',
    'INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0=',
  ],
];

describe('a message signed by the keys of an address', () => {
  it.each(PUBLISHED)('is taken as %s', (_, chain, message, address, signature) => {
    expect(codeOf(message, address, signature, chain)).toBe('accepted');
    expect(codeOf(`${message}.`, address, signature, chain)).toBe(UNPROVEN);
  });

  it.each(PUBLISHED)('proves nothing once any byte of it has changed: %s', (_, chain, message, address, signature) => {
    const length = Buffer.from(signature, 'base64').length;
    fc.assert(
      fc.property(fc.nat(length * 8 - 1), (bit) => {
        const bytes = Buffer.from(signature, 'base64');
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(codeOf(message, address, bytes.toString('base64'), chain)).toBe(UNPROVEN);
      }),
      { numRuns: 150 },
    );
  });

  it('is of this address only, on its network', () => {
    for (const [, chain, message, , signature] of PUBLISHED) {
      for (const [, otherChain, , address] of PUBLISHED.filter(([, , , , other]) => other !== signature))
        expect(codeOf(message, address, signature, otherChain)).toBe(UNPROVEN);
      expect(codeOf(message, 'nonsense', signature, chain)).toBe('address.malformed');
    }
    const [, , message, address, signature] = PUBLISHED[0]!;
    expect(codeOf(message, address, signature, REGTEST)).toBe('address.wrong-network');
  });

  it.each(['', 'AA==', 'smp', 'smpAA==', 'AQ', '/QAA', 'AgD9//8=', 'fulAUDZ', 'not base64!', 'A'.repeat(4000)])(
    'is not %j',
    (signature) => {
      for (const [, chain, message, address] of PUBLISHED)
        expect(codeOf(message, address, signature, chain)).toBe(UNPROVEN);
    },
  );
});

describe('a plain multisig', () => {
  const keys = ['a', 'b', 'c'].map((name) => {
    const secret = sha256(new Uint8Array(Buffer.from(name)));
    return { secret, point: ecc.pointFromScalar(secret, true)! };
  });
  const { output: code } = payments.p2ms({ m: 2, pubkeys: keys.map(({ point }) => point) });
  const { address, output } = payments.p2wsh({ redeem: { output: code! } });
  const sign = (message: string, which: number, hashType = Transaction.SIGHASH_ALL): Uint8Array => {
    const digest = toSignTransaction(toSpendTransaction(message, output!)).hashForWitnessV0(0, code!, 0n, hashType);
    return script.signature.encode(ecc.sign(digest, keys[which]!.secret), hashType);
  };
  const witness = (...items: readonly Uint8Array[]): string =>
    Buffer.concat(
      [[items.length], ...items.flatMap((item) => [[item.length], item])].map((part) => Buffer.from(part)),
    ).toString('base64');
  const EMPTY = new Uint8Array();
  const of = (...signatures: readonly Uint8Array[]): string =>
    codeOf('m', address!, witness(EMPTY, ...signatures, code!));

  it('has signed with as many of its keys as its script asks for, in their order', () => {
    expect(of(sign('m', 0), sign('m', 1))).toBe('accepted');
    expect(of(sign('m', 0), sign('m', 2))).toBe('accepted');
    expect(of(sign('m', 1), sign('m', 2))).toBe('accepted');
  });

  it('has not signed with fewer, the same twice, in another order, another message, or less than all of it', () => {
    const right = sign('m', 0);
    for (const signatures of [
      [right],
      [right, right],
      [sign('m', 1), right],
      [right, sign('n', 1)],
      [right, sign('m', 1), sign('m', 2)],
      [right, sign('m', 1, Transaction.SIGHASH_NONE)],
      [right, EMPTY],
    ])
      expect(of(...signatures)).toBe(UNPROVEN);
    expect(codeOf('m', address!, witness(Uint8Array.of(0), right, sign('m', 1), code!))).toBe(UNPROVEN);
    expect(codeOf('m', address!, witness(EMPTY, right, sign('m', 1), Uint8Array.of(0x51)))).toBe(UNPROVEN);
  });
});
