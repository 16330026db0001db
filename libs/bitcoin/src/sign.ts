import { accepted, refused, type Result } from '@bulkhead/intent';
import { Transaction } from 'bitcoinjs-lib';
import { fromHex } from './bytes.js';
import { decodeUnsignedPsbt, type DecodedPsbt } from './decode.js';
import { deriveAddress, type AddressPath } from './wallet.js';
import type { BitcoinWalletSpec } from './wallet-spec.js';

/** Which of the wallet's addresses has this output script (lower-case hex), if any. */
export type OwnAddressLookup = (scriptPubKey: string) => AddressPath | undefined;

export interface SigningDigest {
  readonly inputIndex: number;
  /** `txid:vout`. */
  readonly outpoint: string;
  /** 32 bytes: BIP-143 with SIGHASH_ALL, or for a Taproot key path BIP-341 with SIGHASH_DEFAULT. */
  readonly digest: Uint8Array;
}

/** What is signed for each input of a decoded PSBT. */
export const digestsOf = ({ facts, unsigned }: DecodedPsbt): readonly SigningDigest[] =>
  facts.inputs.map(({ outpoint, witnessScript, amountSat }, inputIndex) => ({
    inputIndex,
    outpoint,
    digest:
      witnessScript === null
        ? unsigned.hashForWitnessV1(
            inputIndex,
            facts.inputs.map((input) => fromHex(input.scriptPubKey)),
            facts.inputs.map((input) => input.amountSat),
            Transaction.SIGHASH_DEFAULT,
          )
        : unsigned.hashForWitnessV0(inputIndex, fromHex(witnessScript), amountSat, Transaction.SIGHASH_ALL),
  }));

/**
 * What a signer of the wallet has to sign, recomputed from the PSBT's bytes and the charter's spec. Every input must be
 * at an address of this wallet (`segregation.unknown-input`), and its script must be the one derived here from the spec
 * (`bitcoin.script-mismatch`). Else the refusals of `decodePsbt`.
 */
export function signingDigests(
  psbtBase64: string,
  spec: BitcoinWalletSpec,
  ownAddress: OwnAddressLookup,
): Result<readonly SigningDigest[]> {
  const decoded = decodeUnsignedPsbt(psbtBase64, spec.chain);
  if (!decoded.ok) return decoded;
  for (const { outpoint, scriptPubKey, witnessScript } of decoded.value.facts.inputs) {
    const path = ownAddress(scriptPubKey);
    if (path === undefined) {
      return refused('segregation.unknown-input', 'An input is at no address of this wallet.', { outpoint });
    }
    const derived = deriveAddress(spec, path.branch, path.index);
    if (derived.witnessScript !== witnessScript || derived.scriptPubKey !== scriptPubKey) {
      return refused('bitcoin.script-mismatch', 'The script is not the one derived from the wallet.', { outpoint });
    }
  }
  return accepted(digestsOf(decoded.value));
}
