import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { p256PublicKey, type Member, type Quorum, type Role } from '@bulkhead/approval';
import {
  applyEntry,
  chainOfAct,
  FIRM_CHAIN,
  firmHead,
  type Act,
  type CharterEntry,
  type CharterIntent,
  type CharterState,
  type GenesisAct,
  intentAtEnd,
} from '@bulkhead/charter';
import { intentDigest, orThrow, REGTEST, ZERO_DIGEST, type EthereumChainId } from '@bulkhead/intent';
import { MemberDevice } from '../members/member-device.js';

const HOUR_MS = 3_600_000;
export const BENCH_ETHEREUM: EthereumChainId = 'eip155:31337';

/** A member of the bench, with the device that in life only they have. */
export interface Person {
  readonly member: Member;
  readonly device: MemberDevice;
}

/** One operator starts; another and a compliance officer approve: three signatures for everything. */
const QUORUM: Quorum = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 1 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};

/** A charter in memory, really signed and really reduced. */
export class BenchCharter {
  readonly people: readonly Person[] = (['operator', 'operator', 'compliance'] as const).map(person);
  readonly entries: CharterEntry[] = [];
  state: CharterState;

  constructor() {
    const genesis = this.sign(place(undefined, FIRM_CHAIN, genesisOf(this.people)));
    this.state = orThrow(applyEntry(undefined, genesis));
    this.entries.push(genesis);
  }

  append(act: Act): void {
    const entry = this.sign(place(this.state, chainOfAct(this.state, act), act));
    this.state = orThrow(applyEntry(this.state, entry));
    this.entries.push(entry);
  }

  get charterSequence(): number {
    return firmHead(this.state).sequence;
  }

  private sign(intent: CharterIntent): CharterEntry {
    const [first, ...others] = this.people;
    if (!first) throw new Error('a bench has members');
    const digest = intentDigest(intent);
    const charterSequence = intent.firmHead?.sequence ?? 0;
    const terms = { firm: intent.firm, intent: digest, payload: digest, charterSequence };
    return {
      v: 1,
      intent,
      proposal: first.device.say('PROPOSE', terms),
      approvals: others.map(({ device }) => device.say('APPROVE', terms)),
      enactedAt: new Date().toISOString(),
    };
  }
}

function person(role: Role, index: number): Person {
  const id = `member-${index}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const key = { id: `${id}-1`, scheme: 'p256' as const, publicKey: p256PublicKey(pem) };
  const member: Member = { id, person: id, name: id, role, keys: [key] };
  return { member, device: new MemberDevice(id, key.id, pem, '') };
}

function genesisOf(people: readonly Person[]): GenesisAct {
  const pinned = { address: `0x${'22'.repeat(20)}`, codeHash: `0x${'33'.repeat(32)}` };
  const governed = [
    'asset.list',
    'client.open',
    'wallet.open',
    'destination.approve',
    'destination.revoke',
    'transfer.PAYMENT',
    'transfer.TEST_PAYMENT',
    'transfer.FEE_INVOICE',
    'transfer.RESTITUTION',
  ] as const;
  return {
    kind: 'genesis',
    name: 'Bench',
    bitcoin: REGTEST,
    ethereum: BENCH_ETHEREUM,
    safeContracts: {
      singleton: pinned,
      proxyFactory: pinned,
      fallbackHandler: pinned,
      multiSendCallOnly: pinned,
      proxyCreationCode: '0x00',
    },
    signers: ['signer-a', 'signer-b', 'signer-c'].map((id, index) => ({
      id,
      tlsFingerprint: String(index).repeat(64),
      tokenSerial: String(index),
    })),
    members: people.map(({ member }) => member),
    quorums: Object.fromEntries(governed.map((name) => [name, QUORUM])),
    limits: { maxFeeSat: '100000', maxFeeRateSatVb: 100, maxGasCostWei: '1', feeInvoices: [] },
  };
}

function place(state: CharterState | undefined, chain: string, act: Act): CharterIntent {
  return intentAtEnd(state?.firm ?? ZERO_DIGEST, (name) => state?.heads.get(name), {
    id: randomUUID(),
    chain,
    act,
    initiator: 'member-0',
    createdAt: new Date().toISOString(),
    expiresAt: new Date(Date.now() + HOUR_MS).toISOString(),
  });
}
