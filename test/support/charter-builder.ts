import { createHash, randomUUID } from 'node:crypto';
import type { Approval } from '@bulkhead/approval';
import {
  applyEntry,
  chainOfAct,
  firmHead,
  GOVERNED,
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
  type EthereumChainId,
  type Payload,
  type TransferIntent,
} from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import * as ecc from 'tiny-secp256k1';
import { CANONICAL } from '../../libs/ethereum/test/canonical-contracts.js';
import { FAR_FUTURE, makeMember, stateAs, type TestMember } from './members.js';

export { FAR_FUTURE, makeMember, stateAs, type TestMember } from './members.js';

export const ETHEREUM: EthereumChainId = 'eip155:31337';
export const CREATED_AT = '2026-01-02T03:04:05.000Z';
export const ENACTED_AT = '2026-01-02T03:05:00.000Z';

/** The members of the brief: three operators and a compliance officer, all made anew. */
export const usualMembers = (): TestMember[] => [
  makeMember('olivia', 'operator'),
  makeMember('omar', 'operator'),
  makeMember('oskar', 'operator'),
  makeMember('carla', 'compliance'),
];

/** A secp256k1 quorum key of a signer, the same in each run: what a token would hold. */
export function quorumKey(signer: string, label: string) {
  const privateKey = createHash('sha256').update(`${signer}/${label}`).digest();
  const publicKey = Buffer.from(ecc.pointFromScalar(privateKey, true)!).toString('hex');
  return { signer, publicKey, privateKey };
}

/** A sound genesis of these members: every act and purpose needs one more operator and one compliance officer. */
export const genesisAct = (members: readonly TestMember[], overrides: Partial<GenesisAct> = {}): GenesisAct => ({
  kind: 'genesis',
  name: 'Test Custody',
  bitcoin: REGTEST,
  ethereum: ETHEREUM,
  safeContracts: CANONICAL,
  signers: ['signer-a', 'signer-b', 'signer-c'].map((id) => ({
    id,
    tlsFingerprint: createHash('sha256').update(id).digest('hex'),
  })),
  members: members.map(({ member }) => member),
  quorums: Object.fromEntries(
    GOVERNED.map((governed) => [
      governed,
      {
        initiators: ['operator' as const],
        requires: [
          { role: 'operator' as const, threshold: 1 },
          { role: 'compliance' as const, threshold: 1 },
        ],
      },
    ]),
  ),
  limits: {
    maxFeeSat: '100000',
    maxFeeRateSatVb: 200,
    maxGasCostWei: '50000000000000000',
    feeInvoices: [
      { asset: bitcoinAsset(REGTEST), maxAmount: '1000000' },
      { asset: etherAsset(ETHEREUM), maxAmount: '1000000000000000000' },
    ],
  },
  ...overrides,
});

export interface AppendOptions {
  readonly initiator?: string;
  readonly approvers?: readonly string[];
  readonly enactedAt?: string;
  /** Changes the intent before anybody signs it. */
  readonly intent?: Partial<CharterIntent>;
  /** The charter sequence that statements name; default: the firm head's. */
  readonly charterSequence?: number;
  readonly statementsExpireAt?: string;
}

/** Signs and applies entries, as members and the reducer would. */
export class CharterBuilder {
  readonly entries: CharterEntry[] = [];
  readonly members: ReadonlyMap<string, TestMember>;
  state: CharterState;

  constructor(members: readonly TestMember[] = usualMembers(), overrides: Partial<GenesisAct> = {}) {
    this.members = new Map(members.map((each) => [each.member.id, each]));
    const genesis = signGenesis(genesisAct(members, overrides), members);
    this.state = orThrow(applyEntry(undefined, genesis));
    this.entries.push(genesis);
  }

  member(id: string): TestMember {
    const found = this.members.get(id);
    if (!found) throw new Error(`no test member ${id}`);
    return found;
  }

  /** A signed entry for the next place of the act's chain, not applied. */
  sign(act: Act, options: AppendOptions = {}): CharterEntry {
    const { initiator = 'olivia', approvers = ['omar', 'carla'], enactedAt = ENACTED_AT } = options;
    const chain = chainOfAct(this.state, act);
    const head = this.state.heads.get(chain);
    const intent: CharterIntent = {
      v: 1,
      kind: 'charter',
      firm: this.state.firm,
      id: randomUUID(),
      chain,
      sequence: head ? head.sequence + 1 : 0,
      previous: head?.hash ?? ZERO_DIGEST,
      firmHead: firmHead(this.state),
      act,
      initiator,
      createdAt: CREATED_AT,
      expiresAt: FAR_FUTURE,
      ...options.intent,
    };
    const subject = {
      firm: this.state.firm,
      intent: intentDigest(intent),
      charterSequence: options.charterSequence ?? firmHead(this.state).sequence,
      ...(options.statementsExpireAt ? { expiresAt: options.statementsExpireAt } : {}),
    };
    return {
      v: 1,
      intent,
      proposal: stateAs(this.member(initiator), { decision: 'PROPOSE', ...subject }),
      approvals: approvers.map((id) => stateAs(this.member(id), { decision: 'APPROVE', ...subject })),
      enactedAt,
    };
  }

  /** Signs and applies; throws a RefusalError when the reducer refuses. */
  append(act: Act, options: AppendOptions = {}): CharterEntry {
    const entry = this.sign(act, options);
    this.state = orThrow(applyEntry(this.state, entry));
    this.entries.push(entry);
    return entry;
  }

  /** A transfer intent of this firm by olivia. */
  transferIntent(
    fields: Pick<TransferIntent, 'owner' | 'wallet' | 'asset' | 'to' | 'amount'> & Partial<TransferIntent>,
  ): TransferIntent {
    return {
      v: 1,
      kind: 'transfer',
      firm: this.state.firm,
      id: randomUUID(),
      purpose: 'PAYMENT',
      maxFee: '0',
      memo: '',
      initiator: 'olivia',
      createdAt: CREATED_AT,
      expiresAt: FAR_FUTURE,
      ...fields,
    };
  }

  /** The initiator's signature over a transfer intent. */
  propose(intent: TransferIntent): Approval {
    return stateAs(this.member(intent.initiator), {
      decision: 'PROPOSE',
      firm: this.state.firm,
      intent: intentDigest(intent),
      charterSequence: firmHead(this.state).sequence,
    });
  }

  /** A member's decision about a transfer's exact bytes. */
  decide(member: string, intent: TransferIntent, payload: Payload, decision: 'APPROVE' | 'REJECT' = 'APPROVE') {
    return stateAs(this.member(member), {
      decision,
      firm: this.state.firm,
      intent: intentDigest(intent),
      payload: payloadDigest(payload),
      charterSequence: firmHead(this.state).sequence,
    });
  }

  /** A transfer as it is put to a signer. */
  transferRequest(intent: TransferIntent, payload: Payload, approvers = ['omar', 'carla']): TransferRequest {
    return {
      intent,
      proposal: this.propose(intent),
      payload,
      approvals: approvers.map((member) => this.decide(member, intent, payload)),
    };
  }
}

/** The genesis entry: proposed by the first member, approved by the others (or by those who are named). */
export function signGenesis(
  act: GenesisAct,
  members: readonly TestMember[],
  { approvers = members.slice(1), intent: changes = {} } = {},
): CharterEntry {
  const intent: CharterIntent = {
    v: 1,
    kind: 'charter',
    firm: ZERO_DIGEST,
    id: randomUUID(),
    chain: 'firm',
    sequence: 0,
    previous: ZERO_DIGEST,
    firmHead: null,
    act,
    initiator: members[0]!.member.id,
    createdAt: CREATED_AT,
    expiresAt: FAR_FUTURE,
    ...changes,
  };
  const subject = { intent: intentDigest(intent), charterSequence: 0 };
  return {
    v: 1,
    intent,
    proposal: stateAs(members[0]!, { decision: 'PROPOSE', ...subject }),
    approvals: approvers.map((each) => stateAs(each, { decision: 'APPROVE', ...subject })),
    enactedAt: ENACTED_AT,
  };
}
