import { accepted, isBitcoinChain, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import * as ecc from 'tiny-secp256k1';
import { fromHex } from './bytes.js';
import { parseExtendedPublicKey } from './recovery-key.js';

/** Where a recovery xpub comes from: master fingerprint (8 hex digits) and path, e.g. `48h/1h/0h/2h` (BIP-380). */
export interface KeyOrigin {
  readonly fingerprint: string;
  readonly path: string;
}

/**
 * Who may spend after the delay: nobody (`none`, the BIP-341 NUMS point), or the holder of the client's cold extended
 * key (`xpub`: BIP-32 public key with the version bytes of the wallet's network).
 */
export type RecoverySpec =
  { readonly kind: 'none' } | { readonly kind: 'xpub'; readonly xpub: string; readonly origin?: KeyOrigin };

/** All that a Bitcoin wallet's scripts follow from. Governed state: kept in the charter, equal for everybody. */
export interface BitcoinWalletSpec {
  readonly chain: BitcoinChainId;
  /** How many quorum keys must sign. */
  readonly threshold: number;
  /** Compressed public keys in lower-case hex, in descriptor order. */
  readonly quorumKeys: readonly string[];
  readonly recovery: RecoverySpec;
  /** Blocks (BIP-68 relative lock) a coin must be old before the recovery key may spend it: 1..65535. */
  readonly recoveryDelayBlocks: number;
}

/** `OP_1`..`OP_16` count keys in one byte; 15 leaves every script and transaction within Bitcoin Core's standard sizes. */
export const MAX_QUORUM_KEYS = 15;
/** BIP-68 holds a relative lock in 16 bits. */
export const MAX_DELAY_BLOCKS = 0xffff;

const malformed = (detail: string, facts: Record<string, string> = {}) =>
  refused('bitcoin.wallet-malformed', detail, facts);

const inRange = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

function quorumKeyFault(key: string): string | undefined {
  if (!/^0[23][0-9a-f]{64}$/.test(key)) return 'A quorum key is a compressed public key: 66 lower-case hex digits.';
  return ecc.isPointCompressed(fromHex(key)) ? undefined : 'A quorum key is not a point of secp256k1.';
}

const originIsSound = (origin: KeyOrigin): boolean =>
  /^[0-9a-f]{8}$/.test(origin.fingerprint) && /^(\d{1,10}[h']?(\/\d{1,10}[h']?)*)?$/.test(origin.path);

/**
 * The spec itself when a wallet can be made of it, else `bitcoin.wallet-malformed`. Every other function of this
 * library expects a spec that has passed here once, and throws on one that would not.
 */
export function validateWalletSpec(spec: BitcoinWalletSpec): Result<BitcoinWalletSpec> {
  if (!isBitcoinChain(spec.chain)) return malformed('The chain is no Bitcoin network known here.');
  if (!inRange(spec.quorumKeys.length, 1, MAX_QUORUM_KEYS)) {
    return malformed(`A wallet has 1 to ${MAX_QUORUM_KEYS} quorum keys.`, { keys: String(spec.quorumKeys.length) });
  }
  if (!inRange(spec.threshold, 1, spec.quorumKeys.length)) {
    return malformed('The threshold must be at least 1 and at most the number of quorum keys.', {
      threshold: String(spec.threshold),
      keys: String(spec.quorumKeys.length),
    });
  }
  for (const key of spec.quorumKeys) {
    const fault = quorumKeyFault(key);
    if (fault !== undefined) return malformed(fault, { key });
  }
  if (new Set(spec.quorumKeys).size !== spec.quorumKeys.length) return malformed('The quorum keys must be distinct.');
  if (!inRange(spec.recoveryDelayBlocks, 1, MAX_DELAY_BLOCKS)) {
    return malformed(`The recovery delay is 1 to ${MAX_DELAY_BLOCKS} blocks.`, {
      recoveryDelayBlocks: String(spec.recoveryDelayBlocks),
    });
  }
  return spec.recovery.kind === 'none' ? accepted(spec) : validateRecovery(spec, spec.recovery);
}

function validateRecovery(
  spec: BitcoinWalletSpec,
  recovery: Extract<RecoverySpec, { kind: 'xpub' }>,
): Result<BitcoinWalletSpec> {
  const parsed = parseExtendedPublicKey(recovery.xpub, spec.chain);
  if (!parsed.ok) return parsed;
  if (spec.quorumKeys.includes(parsed.value)) return malformed('The recovery key is also a quorum key.');
  if (recovery.origin !== undefined && !originIsSound(recovery.origin)) {
    return malformed('A key origin is 8 lower-case hex digits and a path such as 48h/0h/0h/2h.');
  }
  return accepted(spec);
}
