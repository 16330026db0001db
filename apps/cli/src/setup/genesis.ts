import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Member, Quorum } from '@bulkhead/approval';
import {
  applyEntry,
  charterEntrySchema,
  entryHash,
  FIRM_CHAIN,
  type CharterEntry,
  type GenesisAct,
  type Governed,
  intentAtEnd,
} from '@bulkhead/charter';
import type { PinnedContract, SafeContracts } from '@bulkhead/ethereum';
import { bitcoinAsset, etherAsset, intentDigest, orThrow, REGTEST, ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import { Interface, keccak256 } from 'ethers';
import { DEVELOPMENT_MEMBERS, developmentDevice, makeDevelopmentMembers } from '../members/development-members.js';
import { ANVIL_CHAIN_ID, readJsonFile, SIGNER_NAMES, writeFileAtomically, type Stack } from '../stack/index.js';

const HOUR_MS = 3_600_000;

/** Governed acts: an operator proposes, another operator and the compliance officer approve. */
const GOVERNANCE: Quorum = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 1 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};
/** What makes things tighter is quick: anybody starts it, and one operator besides agrees. */
const TIGHTENING: Quorum = {
  initiators: ['operator', 'compliance'],
  anyOf: [[{ group: 'operator', threshold: 1 }]],
};
/** Policies: compliance writes, an operator confirms; who approves transfers does not write them. */
const POLICY: Quorum = { initiators: ['compliance'], anyOf: [[{ group: 'operator', threshold: 1 }]] };
/** Signers: an engineer starts; an operator and the compliance officer approve. */
const SIGNERS: Quorum = { ...GOVERNANCE, initiators: ['engineer'] };
/** Emergencies: nearly everybody, always after an hour at least. */
const BREAK_GLASS: Quorum = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 2 },
      { group: 'compliance', threshold: 1 },
      { group: 'engineer', threshold: 1 },
    ],
  ],
};
/** Destinations that could be mistaken for a known address: everybody looks. */
const LOOK_ALIKE: Quorum = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 2 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};
/** Destroying a key: everybody but the engineer looks. */
const DESTRUCTION: Quorum = LOOK_ALIKE;
/** Test payments, each small: an operator proposes, another one approves. */
const TEST_PAYMENT: Quorum = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 1 }]] };
/** Payments: an operator proposes, two others approve. */
const PAYMENT: Quorum = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] };

/** Fee invoices and restitution have no quorum: what the charter does not name is refused. */
const QUORUMS: Partial<Record<Governed, Quorum>> = {
  'house.open': GOVERNANCE,
  'client.open': GOVERNANCE,
  'asset.list': GOVERNANCE,
  'proprietary-address.declare': GOVERNANCE,
  'wallet.open': GOVERNANCE,
  'wallet.replace-key': GOVERNANCE,
  'wallet.key-replaced': GOVERNANCE,
  'mpc-wallet.reshare': SIGNERS,
  'mpc-wallet.withdraw': TIGHTENING,
  'mpc-wallet.switch': SIGNERS,
  'destination.approve': GOVERNANCE,
  'destination.approve-look-alike': LOOK_ALIKE,
  'destination.revoke': TIGHTENING,
  'member.enrol': GOVERNANCE,
  'member.revoke': TIGHTENING,
  'quorum.loosen': GOVERNANCE,
  'quorum.tighten': TIGHTENING,
  'limits.raise': GOVERNANCE,
  'limits.lower': TIGHTENING,
  'rules.loosen': GOVERNANCE,
  'rules.tighten': TIGHTENING,
  'group.set': GOVERNANCE,
  'calendar.set': GOVERNANCE,
  'signer.enrol': SIGNERS,
  'signer.retire': TIGHTENING,
  'key.suspend': TIGHTENING,
  'key.activate': GOVERNANCE,
  'key.retire': TIGHTENING,
  'key.destroy': DESTRUCTION,
  'key.review': TIGHTENING,
  'break-glass': BREAK_GLASS,
  freeze: TIGHTENING,
  unfreeze: GOVERNANCE,
  'incident.close': GOVERNANCE,
  'policy.set': POLICY,
  'policy.remove': POLICY,
  'pending.enact': TIGHTENING,
  'pending.veto': TIGHTENING,
  'transfer.PAYMENT': PAYMENT,
  'transfer.TEST_PAYMENT': TEST_PAYMENT,
  'transfer.OWNER_SWAP': PAYMENT,
};

/**
 * Short, so that a developer sees what waits. Destinations do not cool: a signer that was away counts from when it is back,
 * and would refuse what the demonstration pays meanwhile.
 */
const DELAY_SECONDS = { 'limits.raise': 5, 'quorum.loosen': 5 };

/** The firm's genesis entry, made and signed by every member at the first start; afterwards the one that was made. */
export async function makeGenesis(stack: Stack): Promise<{ entry: CharterEntry; firm: Digest }> {
  const { layout } = stack;
  const members = makeDevelopmentMembers(layout.members);
  if (!existsSync(layout.genesis)) {
    const entry = signGenesis(await genesisAct(stack, members), layout.members);
    orThrow(applyEntry(undefined, entry));
    writeFileAtomically(layout.genesis, `${JSON.stringify(entry, null, 2)}\n`);
  }
  const entry = readGenesis(layout.genesis);
  return { entry, firm: entryHash(entry) };
}

export const readGenesis = (file: string): CharterEntry =>
  readJsonFile(file, 'the genesis entry of a charter', charterEntrySchema);

async function genesisAct(stack: Stack, members: Member[]): Promise<GenesisAct> {
  return {
    kind: 'genesis',
    name: 'Development firm',
    bitcoin: REGTEST,
    ethereum: `eip155:${ANVIL_CHAIN_ID}`,
    safeContracts: await pinSafeContracts(stack),
    signers: SIGNER_NAMES.map((id) => ({
      id,
      tlsFingerprint: stack.tls[id].fingerprint,
      tokenSerial: stack.tokens[id].serial,
    })),
    members,
    quorums: QUORUMS,
    rules: { delaySeconds: DELAY_SECONDS },
    limits: {
      maxFeeSat: '200000',
      maxFeeRateSatVb: 500,
      maxGasCostWei: '50000000000000000',
      feeInvoices: [],
      testPayments: [
        { asset: bitcoinAsset(REGTEST), maxAmount: '10000' },
        { asset: etherAsset(`eip155:${ANVIL_CHAIN_ID}`), maxAmount: '1000000000000000' },
      ],
    },
  };
}

/** What the charter pins of Safe: addresses and code as they are on the chain now, checked there against the published. */
async function pinSafeContracts({ anvil, contracts }: Stack): Promise<SafeContracts> {
  const pin = async (address: string): Promise<PinnedContract> => ({
    address,
    codeHash: keccak256(await anvil.rpc.call<string>('eth_getCode', address, 'latest')),
  });
  const { safe } = contracts;
  const factory = new Interface(['function proxyCreationCode() view returns (bytes)']);
  const call = { to: safe.safeProxyFactory, data: factory.encodeFunctionData('proxyCreationCode') };
  const answer = await anvil.rpc.call<string>('eth_call', call, 'latest');
  return {
    singleton: await pin(safe.safeL2),
    proxyFactory: await pin(safe.safeProxyFactory),
    fallbackHandler: await pin(safe.compatibilityFallbackHandler),
    multiSendCallOnly: await pin(safe.multiSendCallOnly),
    proxyCreationCode: String(factory.decodeFunctionResult('proxyCreationCode', answer)[0]),
  };
}

function signGenesis(act: GenesisAct, membersFolder: string): CharterEntry {
  const now = Date.now();
  const [first, ...others] = DEVELOPMENT_MEMBERS.map(({ id }) => developmentDevice(membersFolder, id));
  if (!first) throw new Error('a firm has members');
  const intent = intentAtEnd(ZERO_DIGEST, () => undefined, {
    id: randomUUID(),
    chain: FIRM_CHAIN,
    act,
    initiator: first.id,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + HOUR_MS).toISOString(),
  });
  const digest = intentDigest(intent);
  const terms = { firm: ZERO_DIGEST, intent: digest, payload: digest, charterSequence: 0 };
  return {
    v: 1,
    intent,
    proposal: first.say('PROPOSE', terms),
    approvals: others.map((device) => device.say('APPROVE', terms)),
    enactedAt: new Date(now).toISOString(),
  };
}
