import { Inject, Injectable } from '@nestjs/common';
import { keyLife, type CharterState, type KeyState } from '@bulkhead/charter';
import type { KeyStore, TokenInfo, TokenObject } from '@bulkhead/keys';
import { accepted, type RefusalCode, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import type { SignerConfig } from '../../config.js';
import { KEY_STORE } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { KeyRecords, type KeyUse } from '../persistence/key-records.js';
import type { KeyRecordRow } from '../persistence/key-record.entity.js';

/** SEAL: seals shares. WRAPPING wraps backups, BINDING binds their records. UNKNOWN: nothing of ours. */
export type KeyClass = 'QUORUM' | 'GAS' | 'MPC_SHARE' | 'SEAL' | 'WRAPPING' | 'BINDING' | 'UNKNOWN';

export interface HeldKey {
  readonly keyClass: KeyClass;
  /** Its label in the token; of a share, the label of the key that seals it. */
  readonly label: string;
  readonly wallet: string | null;
  /** Null for a secret key, and for one that must not be used: see `problem`. */
  readonly publicKey: string | null;
  /** By this signer's own replica of the charter; null for what the charter does not speak of. */
  readonly state: KeyState | null;
  readonly inToken: boolean;
  /** Read from the token now; null when it is not there. */
  readonly attributes: Readonly<Record<string, boolean>> | null;
  /** Why the token's key may not be used. */
  readonly problem: RefusalCode | null;
  /** This signer has made it, and written it down. */
  readonly isRecorded: boolean;
  readonly createdAt: string | null;
  readonly destroyedAt: string | null;
  readonly lastUsedAt: string | null;
  readonly uses: number;
}

export interface KeyReport {
  readonly holder: string | null;
  readonly place: string | null;
  readonly token: TokenInfo;
  readonly keys: readonly HeldKey[];
}

interface Known {
  readonly state: CharterState | undefined;
  readonly records: ReadonlyMap<string, KeyRecordRow>;
  readonly uses: ReadonlyMap<string, KeyUse>;
}

/** Everything secret in this signer's token and what is known of it, and what its record says was there. */
@Injectable()
export class KeyInventory {
  constructor(
    @Inject(SIGNER_CONFIG) private readonly config: SignerConfig,
    @Inject(KEY_STORE) private readonly token: KeyStore,
    private readonly charter: CharterReplica,
    private readonly shares: ShareStore,
    private readonly records: KeyRecords,
  ) {}

  async report(): Promise<Result<KeyReport>> {
    const token = await this.token.tokenInfo();
    if (!token.ok) return token;
    const objects = await this.token.listObjects();
    if (!objects.ok) return objects;
    const current = this.charter.current();
    const state = current.ok ? current.value : undefined;
    const known = { state, records: await this.records.all(), uses: await this.records.uses() };
    const keys: HeldKey[] = [];
    for (const object of objects.value) if (object.kind === 'private') keys.push(await this.pair(object, known));
    keys.push(...(await this.secrets(objects.value, known)));
    const { holder = null, place = null } = this.config;
    return accepted({ holder, place, token: token.value, keys: [...keys, ...this.gone(keys, known)] });
  }

  private async pair({ label, attributes }: TokenObject, known: Known): Promise<HeldKey> {
    const key = await this.token.publicKey(label);
    const publicKey = key.ok ? key.value.publicKey : null;
    return {
      ...this.described(label, publicKey, known),
      label,
      inToken: true,
      attributes: key.ok ? key.value.attributes : attributes,
      problem: key.ok ? null : key.refusal.code,
    };
  }

  /** What is known of a key pair, whether or not the token has it. */
  private described(
    wallet: string,
    publicKey: string | null,
    { state, records, uses }: Known,
  ): Omit<HeldKey, 'label' | 'inToken' | 'attributes' | 'problem'> {
    const record = publicKey === null ? undefined : records.get(publicKey);
    const use = publicKey === null ? undefined : uses.get(publicKey);
    const life =
      state && publicKey !== null ? keyLife(state, { wallet, signer: this.config.id, publicKey }) : undefined;
    const isPreActive = record !== undefined && record.attributes !== null;
    return {
      keyClass: classOf(state, wallet, record !== undefined),
      wallet: record || life ? wallet : null,
      publicKey,
      state: life?.state ?? (isPreActive ? 'PRE_ACTIVE' : null),
      isRecorded: record !== undefined,
      ...instants(record, use),
    };
  }

  /** What was in the token and is not any more, by this signer's record. */
  private gone(there: readonly HeldKey[], known: Known): HeldKey[] {
    const present = new Set(there.map(({ publicKey }) => publicKey));
    return [...known.records.values()]
      .filter(({ publicKey }) => !present.has(publicKey))
      .map(({ publicKey, wallet, attributes }) => ({
        ...this.described(wallet, publicKey, known),
        label: wallet,
        inToken: false,
        attributes,
        problem: null,
      }));
  }

  /** Keys that seal and wrap, and the shares that they seal. */
  private async secrets(objects: readonly TokenObject[], { state, records }: Known): Promise<HeldKey[]> {
    const shares = await this.shares.held();
    const uses = await this.records.shareUses();
    const labels = new Set(objects.flatMap(({ kind, label }) => (kind === 'secret' ? [label] : [])));
    const plain = { state: null, problem: null, isRecorded: false, ...instants(undefined, undefined) };
    const secret = objects.flatMap(({ kind, label, attributes }): HeldKey[] => {
      if (kind !== 'secret') return [];
      const wallet = shares.find((share) => share.sealKey === label)?.wallet ?? null;
      const keyClass = wallet === null ? secretClass(attributes) : 'SEAL';
      return [{ ...plain, keyClass, label, wallet, publicKey: null, inToken: true, attributes }];
    });
    const held = shares.flatMap(({ wallet, sealKey, isInUse, at }): HeldKey[] => {
      const own = state?.wallets.get(wallet)?.keys.find(({ signer }) => signer === this.config.id);
      if (!isInUse || !own || records.has(own.publicKey)) return [];
      const life = state && keyLife(state, { wallet, ...own });
      return [
        {
          keyClass: 'MPC_SHARE',
          label: sealKey,
          wallet,
          publicKey: own.publicKey,
          state: life?.state ?? 'PRE_ACTIVE',
          inToken: labels.has(sealKey),
          attributes: null,
          problem: null,
          isRecorded: true,
          ...instants(undefined, uses.get(wallet)),
          createdAt: at.toISOString(),
        },
      ];
    });
    return [...secret, ...held];
  }
}

function classOf(state: CharterState | undefined, wallet: string, isRecorded: boolean): KeyClass {
  const kind = state?.wallets.get(wallet)?.kind;
  if (kind === 'gas-payer') return 'GAS';
  if (kind === 'taproot-mpc') return 'MPC_SHARE';
  return kind !== undefined || isRecorded ? 'QUORUM' : 'UNKNOWN';
}

function secretClass({ unwrap, sign, decrypt }: TokenObject['attributes']): KeyClass {
  if (unwrap && !decrypt) return 'WRAPPING';
  return sign && !decrypt ? 'BINDING' : 'UNKNOWN';
}

const instants = (record: KeyRecordRow | undefined, use: KeyUse | undefined) => ({
  createdAt: record?.createdAt?.toISOString() ?? null,
  destroyedAt: record?.destroyedAt?.toISOString() ?? null,
  lastUsedAt: use?.lastUsedAt.toISOString() ?? null,
  uses: use?.uses ?? 0,
});
