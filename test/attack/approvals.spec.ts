import { generateKeyPairSync } from 'node:crypto';
import { jest } from '@jest/globals';
import {
  approvalChallenge,
  ed25519PublicKey,
  signStatement,
  type Approval,
  type MemberKey,
  type Statement,
} from '@bulkhead/approval';
import { firmHead, type Act, type CharterEntry } from '@bulkhead/charter';
import { etherAsset, intentDigest, payloadDigest, type Digest } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { AlphaPayments } from '../support/alpha-payments.js';
import { ANVIL } from '../support/charter-builder.js';
import { say, type TestMember } from '../support/members.js';
import { codeOf } from '../support/outcome.js';
import { PRESENT, SoftPasskey, type Misuse } from '../support/passkeys.js';

jest.setTimeout(60_000); // real processes on a busy machine

const robotPem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const omarsPasskey = SoftPasskey.make('omar-passkey');
const omarsSecond = SoftPasskey.make('omar-second');
const carlasPasskey = SoftPasskey.make('carla-passkey');
const robotKey: MemberKey = { id: 'omar-robot', scheme: 'ed25519', publicKey: ed25519PublicKey(robotPem) };

let alpha: AlphaPayments;
beforeAll(async () => {
  alpha = await AlphaPayments.start();
  for (const [member, key] of [
    ['omar', omarsPasskey.key],
    ['omar', omarsSecond.key],
    ['omar', robotKey],
    ['carla', carlasPasskey.key],
  ] as const) {
    await handOver({ kind: 'member-key.enrol', member, key });
  }
});
afterAll(() => alpha.processes.stop());

const members = () => alpha.charter.members;
const asked = async (request: TransferRequest): Promise<string> => codeOf(await alpha.a.signTransfer(request));

/** Enacts an act and hands its entry to signer A itself. */
async function handOver(act: Act): Promise<CharterEntry> {
  const entry = alpha.charter.append(act);
  expect(codeOf(await alpha.a.pushEntries([entry]))).toBe('accepted');
  return entry;
}

/** A payment of alpha's that nobody has approved. */
const unapproved = (): TransferRequest => alpha.request(alpha.honest(), {}, { approvers: [] });

/** What a member would sign to approve it. */
const statementOn = (
  { intent, payload }: TransferRequest,
  member: string,
  key: string,
  changes: Partial<Statement> = {},
): Statement => ({
  v: 1,
  decision: 'APPROVE',
  firm: alpha.charter.firm,
  intent: intentDigest(intent),
  payload: payloadDigest(payload),
  charterSequence: firmHead(alpha.charter.state).sequence,
  member,
  key,
  expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  ...changes,
});
const byOmarsPasskey = (request: TransferRequest, misuse: Misuse = {}, changes: Partial<Statement> = {}): Approval =>
  omarsPasskey.say(statementOn(request, 'omar', 'omar-passkey', changes), misuse);
const byCarla = (request: TransferRequest): Approval => {
  const { firm, intent, payload, charterSequence } = statementOn(request, 'carla', 'carla-1');
  return say(members().carla, 'APPROVE', { firm, intent, payload, charterSequence });
};
const withApprovals = (request: TransferRequest, ...approvals: Approval[]): TransferRequest => ({
  ...request,
  approvals,
});
/** Carla's approval is sound; what is wrong is omar's. */
const attempt = (forge: (request: TransferRequest) => Approval): TransferRequest => {
  const request = unapproved();
  return withApprovals(request, forge(request), byCarla(request));
};

describe('a signer takes the approval', () => {
  it('of a passkey, and of a machine key of either kind', async () => {
    expect(await asked(attempt((request) => byOmarsPasskey(request)))).toBe('accepted');
    const byRobot = attempt((request) => signStatement(statementOn(request, 'omar', 'omar-robot'), robotPem));
    expect(await asked(byRobot)).toBe('accepted');
    const request = unapproved();
    const carla = carlasPasskey.say(statementOn(request, 'carla', 'carla-passkey'));
    expect(await asked(withApprovals(request, byOmarsPasskey(request), carla))).toBe('accepted');
  });
});

/** Each is what a hostile orchestrator could make of what members have really signed, or of nothing. */
const ATTEMPTS: readonly (readonly [name: string, code: string, forge: () => TransferRequest])[] = [
  [
    'one person with two devices',
    'approval.duplicate',
    () => {
      const request = unapproved();
      const second = omarsSecond.say(statementOn(request, 'omar', 'omar-second'));
      return withApprovals(request, byOmarsPasskey(request), second, byCarla(request));
    },
  ],
  [
    'the same approval twice',
    'approval.duplicate',
    () => {
      const request = unapproved();
      const approval = byOmarsPasskey(request);
      return withApprovals(request, approval, approval);
    },
  ],
  [
    'a byte that was changed after approval',
    'approval.payload-mismatch',
    () => {
      const request = unapproved();
      const approvals = [byOmarsPasskey(request), byCarla(request)];
      return { ...request, payload: alpha.honest(undefined, alpha.coin(), 6n), approvals };
    },
  ],
  [
    'the digest of other bytes written into what was signed',
    'approval.assertion-mismatch',
    () =>
      attempt((request) => {
        const approval = byOmarsPasskey(request, {}, { payload: 'ab'.repeat(32) as Digest });
        return { ...approval, statement: { ...approval.statement, payload: payloadDigest(request.payload) } };
      }),
  ],
  ['the approval of another transfer', 'approval.intent-mismatch', () => attempt(() => byOmarsPasskey(unapproved()))],
  [
    'the approval of another firm',
    'intent.wrong-firm',
    () => attempt((request) => byOmarsPasskey(request, {}, { firm: 'cd'.repeat(32) as Digest })),
  ],
  [
    'the approval of the same wish for another wallet',
    'approval.intent-mismatch',
    () => attempt(({ intent, ...rest }) => byOmarsPasskey({ ...rest, intent: { ...intent, wallet: 'alpha-safe' } })),
  ],
  [
    'the approval of the same wish on another chain',
    'approval.intent-mismatch',
    () =>
      attempt(({ intent, ...rest }) => byOmarsPasskey({ ...rest, intent: { ...intent, asset: etherAsset(ANVIL) } })),
  ],
  [
    'an approval that has expired',
    'approval.expired',
    () => attempt((request) => byOmarsPasskey(request, {}, { expiresAt: '2020-01-01T00:00:00.000Z' })),
  ],
  ['a rejection', 'approval.rejected', () => attempt((request) => byOmarsPasskey(request, {}, { decision: 'REJECT' }))],
  [
    'a rejection, relabelled as an approval',
    'approval.assertion-mismatch',
    () =>
      attempt((request) => {
        const rejection = byOmarsPasskey(request, {}, { decision: 'REJECT' });
        return { ...rejection, statement: { ...rejection.statement, decision: 'APPROVE' } };
      }),
  ],
  [
    'an approval next to its withdrawal',
    'approval.quorum-not-met',
    () => {
      const request = unapproved();
      const withdrawal = byOmarsPasskey(request, {}, { decision: 'WITHDRAW' });
      return withApprovals(request, withdrawal, byOmarsPasskey(request), byCarla(request));
    },
  ],
  [
    'a P-256 signature under the name of a passkey',
    'approval.scheme-mismatch',
    () =>
      attempt((request) => signStatement(statementOn(request, 'omar', 'omar-passkey'), members().omar.privateKeyPem)),
  ],
  [
    'a passkey’s own key, signing as a machine would',
    'approval.scheme-mismatch',
    () =>
      attempt((request) => {
        const pem = omarsPasskey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
        return signStatement(statementOn(request, 'omar', 'omar-passkey'), pem);
      }),
  ],
  [
    'a passkey’s assertion under the name of a P-256 key',
    'approval.scheme-mismatch',
    () => attempt((request) => omarsPasskey.say(statementOn(request, 'omar', 'omar-1'))),
  ],
  [
    'an Ed25519 signature under the name of a P-256 key',
    'approval.scheme-mismatch',
    () => attempt((request) => signStatement(statementOn(request, 'omar', 'omar-1'), robotPem)),
  ],
  [
    'another member’s passkey',
    'approval.assertion-mismatch',
    () => attempt((request) => carlasPasskey.say(statementOn(request, 'omar', 'omar-passkey'))),
  ],
  [
    'a registration in place of an assertion',
    'approval.assertion-mismatch',
    () => attempt((request) => byOmarsPasskey(request, { type: 'webauthn.create' })),
  ],
  [
    'an assertion made on another page',
    'approval.assertion-mismatch',
    () => attempt((request) => byOmarsPasskey(request, { origin: 'https://evil.example' })),
  ],
  [
    'an assertion made for another domain',
    'approval.assertion-mismatch',
    () => attempt((request) => byOmarsPasskey(request, { rpId: 'evil.example' })),
  ],
  [
    'an assertion by somebody who was only present',
    'approval.user-not-verified',
    () => attempt((request) => byOmarsPasskey(request, { flags: PRESENT })),
  ],
  [
    'an assertion over the challenge of another statement',
    'approval.assertion-mismatch',
    () =>
      attempt((request) => {
        const statement = statementOn(request, 'omar', 'omar-passkey');
        const other = approvalChallenge({ ...statement, charterSequence: 0 });
        return { statement, signature: omarsPasskey.assert(other) };
      }),
  ],
];

describe('a signer that is asked by somebody who took over the orchestrator does not sign on', () => {
  it.each(ATTEMPTS)('%s', async (_name, code, forge) => {
    expect(await asked(forge())).toBe(code);
  });
});

describe('a signer does not sign on an approval', () => {
  it('by a key whose time is over', async () => {
    const expiring = SoftPasskey.make('oskar-passkey');
    const expiresAt = new Date(Date.now() + 3_000).toISOString();
    await handOver({ kind: 'member-key.enrol', member: 'oskar', key: { ...expiring.key, expiresAt } });
    const request = unapproved();
    const approval = expiring.say(statementOn(request, 'oskar', 'oskar-passkey'));
    const complete = withApprovals(request, approval, byCarla(request));
    expect(await asked(complete)).toBe('accepted');
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, Date.parse(expiresAt) - Date.now()) + 50));
    expect(await asked(complete)).toBe('approval.key-expired');
  });

  it('by a key that was revoked after it signed', async () => {
    const complete = attempt((request) => byOmarsPasskey(request));
    expect(await asked(complete)).toBe('accepted');
    await handOver({ kind: 'member-key.revoke', member: 'omar', key: 'omar-passkey' });
    expect(await asked(complete)).toBe('approval.unknown-key');
    expect(await asked(attempt((request) => byOmarsPasskey(request)))).toBe('approval.unknown-key');
  });
});

describe('a signer takes no charter entry that enrols', () => {
  const offered = async (member: TestMember, key: MemberKey): Promise<string> =>
    codeOf(await alpha.a.pushEntries([alpha.charter.entry({ kind: 'member-key.enrol', member: member.id, key })]));

  it('an Ed25519 key under which anybody can sign', async () => {
    // the neutral point: every signature (R, S) with R = S·B verifies
    const publicKey = `01${'00'.repeat(31)}`;
    expect(await offered(members().omar, { id: 'weak', scheme: 'ed25519', publicKey })).toBe('charter.malformed');
  });

  it('a passkey that another member has, or that came off its curve', async () => {
    const { key } = SoftPasskey.make('stolen');
    const { credentialId, publicKey } = carlasPasskey.key;
    expect(await offered(members().omar, { ...key, credentialId })).toBe('charter.id-taken');
    expect(await offered(members().omar, { ...key, publicKey })).toBe('charter.id-taken');
    expect(await offered(members().omar, { ...key, publicKey: `02${'f'.repeat(64)}` })).toBe('charter.malformed');
  });

  it('the same key once more, after it was revoked', async () => {
    expect(await offered(members().omar, omarsPasskey.key)).toBe('charter.id-taken');
  });
});
