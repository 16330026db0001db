import { randomUUID } from 'node:crypto';
import {
  applyEntry,
  chainOfAct,
  enactmentAt,
  entryHash,
  FIRM_CHAIN,
  firmHead,
  GOVERNED,
  governedBy,
  STARTED_BY_ENGINEERS,
  WRITTEN_BY_COMPLIANCE,
  type Act,
  type CharterEntry,
  type CharterIntent,
  type CharterState,
  type GenesisAct,
} from '@bulkhead/charter';
import {
  bitcoinAsset,
  etherAsset,
  intentDigest,
  orThrow,
  payloadDigest,
  REGTEST,
  ZERO_DIGEST,
  type Digest,
  type EthereumChainId,
  type Payload,
  type TransferIntent,
} from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { CANONICAL } from '../../libs/ethereum/test/canonical-contracts.js';
import { HOUR_MS, instant, makeMembers, publicPart, say, type TestMember, type TestMembers } from './members.js';

export { instant, makeMember, makeMembers, say, type TestMember, type TestMembers } from './members.js';

export const ANVIL: EthereumChainId = 'eip155:31337';
/** Any operator starts; one other operator and one compliance officer approve. */
const TWO_DUTIES: GenesisAct['quorums'][(typeof GOVERNED)[number]] = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 1 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};

/** The compliance officer writes, two operators confirm. */
const POLICY: typeof TWO_DUTIES = { initiators: ['compliance'], anyOf: [[{ group: 'operator', threshold: 2 }]] };
/** Engineers start what is about signers. */
const SIGNERS: typeof TWO_DUTIES = { ...TWO_DUTIES, initiators: ['engineer'] };
/** More people than anything else takes. */
const BREAK_GLASS: typeof TWO_DUTIES = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 2 },
      { group: 'compliance', threshold: 1 },
      { group: 'engineer', threshold: 1 },
    ],
  ],
};
/** A look-alike takes one operator more than another destination; so does destroying a key. */
const LOOK_ALIKE: typeof TWO_DUTIES = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 2 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};
function quorumOf(name: (typeof GOVERNED)[number]): typeof TWO_DUTIES {
  if (WRITTEN_BY_COMPLIANCE.includes(name)) return POLICY;
  if (STARTED_BY_ENGINEERS.includes(name)) return SIGNERS;
  if (name === 'destination.approve-look-alike' || name === 'key.destroy') return LOOK_ALIKE;
  return name === 'break-glass' ? BREAK_GLASS : TWO_DUTIES;
}

/** A genesis of regtest and anvil with generous limits. `overrides` replaces whole parts. */
export const genesisAct = (
  members: readonly TestMember[],
  signers: GenesisAct['signers'],
  overrides: Partial<GenesisAct> = {},
): GenesisAct => ({
  kind: 'genesis',
  name: 'Test firm',
  bitcoin: REGTEST,
  ethereum: ANVIL,
  safeContracts: CANONICAL,
  signers,
  members: members.map(publicPart),
  quorums: Object.fromEntries(GOVERNED.map((name) => [name, quorumOf(name)])),
  limits: {
    maxFeeSat: '100000',
    maxFeeRateSatVb: 100,
    maxGasCostWei: '100000000000000000',
    feeInvoices: [
      { asset: bitcoinAsset(REGTEST), maxAmount: '1000000' },
      { asset: etherAsset(ANVIL), maxAmount: '1000000000000000000' },
    ],
    testPayments: [
      { asset: bitcoinAsset(REGTEST), maxAmount: '20000' },
      { asset: etherAsset(ANVIL), maxAmount: '1000' },
    ],
  },
  ...overrides,
});

/** Puts a charter intent before its initiator and approvers. `firm` in the statements is the intent's own. */
export function signEntry(
  intent: CharterIntent,
  initiator: TestMember,
  approvers: readonly TestMember[],
  charterSequence: number,
  { enactedAt = instant(), expiresAt }: { enactedAt?: string; expiresAt?: string } = {},
): CharterEntry {
  const digest = intentDigest(intent);
  const terms = { firm: intent.firm, intent: digest, payload: digest, charterSequence, expiresAt };
  return {
    v: 1,
    intent,
    proposal: say(initiator, 'PROPOSE', terms),
    approvals: approvers.map((member) => say(member, 'APPROVE', terms)),
    enactedAt,
  };
}

/** The genesis as its first member proposes it and others approve it (all of them, unless told otherwise). */
export function genesisEntry(
  act: GenesisAct,
  { olivia, ...others }: TestMembers,
  { approvers = Object.values(others), intent = {}, enactedAt }: EntryOptions = {},
): CharterEntry {
  const complete: CharterIntent = {
    v: 1,
    kind: 'charter',
    firm: ZERO_DIGEST,
    id: randomUUID(),
    chain: FIRM_CHAIN,
    sequence: 0,
    previous: ZERO_DIGEST,
    firmHead: null,
    act,
    initiator: olivia.id,
    createdAt: instant(),
    expiresAt: instant(HOUR_MS),
    ...intent,
  };
  return signEntry(complete, olivia, approvers, 0, { enactedAt });
}

/** Who opens and approves; anything of the intent that should be other than right. */
export interface EntryOptions {
  readonly initiator?: TestMember;
  readonly approvers?: readonly TestMember[];
  readonly intent?: Partial<CharterIntent>;
  readonly enactedAt?: string;
  /** What the statements say; default: the firm head's sequence, and an hour from now. */
  readonly charterSequence?: number;
  readonly statementsExpireAt?: string;
}

export interface TransferOptions {
  readonly initiator?: TestMember;
  readonly approvers?: readonly TestMember[];
  /** The bytes that approvers saw, where they are not the ones in the request. */
  readonly approvedPayload?: Payload;
}

/** What a transfer intent must be told; the rest is filled in. */
export type TransferWish = Pick<TransferIntent, 'owner' | 'wallet' | 'asset' | 'to' | 'amount'> &
  Partial<TransferIntent>;

/** A firm's charter in the making: keeps the state, signs acts with full approvals, applies and collects them. */
export class CharterBuilder {
  readonly entries: CharterEntry[] = [];
  #state: CharterState;

  private constructor(
    readonly members: TestMembers,
    entries: readonly CharterEntry[],
  ) {
    let state: CharterState | undefined;
    for (const entry of entries) state = orThrow(applyEntry(state, entry));
    if (!state) throw new Error('a charter has at least its genesis');
    this.#state = state;
    this.entries.push(...entries);
  }

  /** Another future of the same firm. */
  static fork({ members, entries }: CharterBuilder): CharterBuilder {
    return new CharterBuilder(members, entries);
  }

  /** Starts a firm whose genesis every member has signed. */
  static start(
    signers: GenesisAct['signers'],
    { members = makeMembers(), genesis = {} }: { members?: TestMembers; genesis?: Partial<GenesisAct> } = {},
  ): CharterBuilder {
    return new CharterBuilder(members, [genesisEntry(genesisAct(Object.values(members), signers, genesis), members)]);
  }

  get state(): CharterState {
    return this.#state;
  }

  get firm(): Digest {
    return this.#state.firm;
  }

  /** The entry that would come next for an act, signed, not applied: a forgery is this with something changed. */
  entry(act: Act, options: EntryOptions = {}): CharterEntry {
    const { initiator, approvers } = { ...this.usualPeople(act), ...options };
    const chain = chainOfAct(this.#state, act);
    const head = this.#state.heads.get(chain);
    const firm = firmHead(this.#state);
    const intent: CharterIntent = {
      v: 1,
      kind: 'charter',
      firm: this.firm,
      id: randomUUID(),
      chain,
      sequence: head ? head.sequence + 1 : 0,
      previous: head?.hash ?? ZERO_DIGEST,
      firmHead: firm,
      act,
      initiator: initiator.id,
      createdAt: instant(),
      expiresAt: instant(HOUR_MS),
      ...options.intent,
    };
    return signEntry(intent, initiator, approvers, options.charterSequence ?? firm.sequence, {
      enactedAt: options.enactedAt ?? enactmentAt(this.#state, intent, instant()),
      expiresAt: options.statementsExpireAt,
    });
  }

  /** Who starts and approves an act where nothing else is said: enough of each duty. */
  private usualPeople(act: Act): { initiator: TestMember; approvers: readonly TestMember[] } {
    const { olivia, omar, oskar, carla, erika } = this.members;
    const governed = act.kind === 'genesis' ? undefined : governedBy(this.#state, act);
    if (governed === 'break-glass') return { initiator: olivia, approvers: [omar, oskar, carla, erika] };
    if (governed !== undefined && WRITTEN_BY_COMPLIANCE.includes(governed))
      return { initiator: carla, approvers: [omar, oskar] };
    if (governed !== undefined && STARTED_BY_ENGINEERS.includes(governed))
      return { initiator: erika, approvers: [omar, carla] };
    if (governed === 'key.destroy') return { initiator: olivia, approvers: [omar, oskar, carla] };
    return { initiator: olivia, approvers: [omar, carla] };
  }

  /** Enacts an act. Throws what the reducer refuses. */
  append(act: Act, options: EntryOptions = {}): CharterEntry {
    const entry = this.entry(act, options);
    this.#state = orThrow(applyEntry(this.#state, entry));
    this.entries.push(entry);
    return entry;
  }

  /** The hash of the last entry enacted. */
  get lastHash(): Digest {
    const last = this.entries.at(-1);
    if (!last) throw new Error('a charter has at least its genesis');
    return entryHash(last);
  }

  transferIntent(wish: TransferWish, initiator = this.members.olivia): TransferIntent {
    return {
      v: 1,
      kind: 'transfer',
      firm: this.firm,
      id: randomUUID(),
      purpose: 'PAYMENT',
      maxFee: '50000',
      memo: 'test',
      initiator: initiator.id,
      createdAt: instant(),
      expiresAt: instant(HOUR_MS),
      ...wish,
    };
  }

  /** A transfer as it is put to a signer: proposed by olivia, approved by omar and carla, unless told otherwise. */
  transferRequest(wish: TransferWish, payload: Payload, options: TransferOptions = {}): TransferRequest {
    const { initiator = this.members.olivia, approvers = [this.members.omar, this.members.carla] } = options;
    const intent = this.transferIntent(wish, initiator);
    const digest = intentDigest(intent);
    const terms = { firm: this.firm, intent: digest, charterSequence: firmHead(this.#state).sequence };
    const approved = payloadDigest(options.approvedPayload ?? payload);
    return {
      intent,
      proposal: say(initiator, 'PROPOSE', { ...terms, payload: digest }),
      payload,
      approvals: approvers.map((member) => say(member, 'APPROVE', { ...terms, payload: approved })),
      attestations: [],
    };
  }
}
