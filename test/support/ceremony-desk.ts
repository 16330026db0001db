import { createHash } from 'node:crypto';
import type { CharterEntry, SignerRecord } from '@bulkhead/charter';
import {
  applyLine,
  ceremonyControlDigest,
  genesisFacts,
  lineText,
  memberFacts,
  nextLine,
  walletFacts,
  type CeremonyBody,
  type CeremonyStep,
  type Facts,
  type Transcript,
} from '@bulkhead/evidence';
import { orThrow, REGTEST, ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import * as ecc from 'tiny-secp256k1';
import { CharterBuilder, instant, say, type TestMember } from './charter-builder.js';
import { publicPart } from './members.js';
import { quorumKey, SIGNER_RECORDS } from './wallets.js';

const WALLET = 'house-btc';
const TERMS = { chain: REGTEST, threshold: 2, recovery: { kind: 'none' }, recoveryDelayBlocks: 4_320 } as const;
const STAYING =
  'sensitive=true extractable=false alwaysSensitive=true neverExtractable=true local=true sign=true signRecover=false decrypt=false unwrap=false derive=false';
export const PLAN = createHash('sha256').update('plan').digest('hex') as Digest;

const serialOf = (signer: string): string => `serial of ${signer.slice(-1)}`;
const SIGNERS: readonly SignerRecord[] = SIGNER_RECORDS.map((one) => ({ ...one, tokenSerial: serialOf(one.id) }));
/** Of a genesis ceremony: everything before the descriptors. */
const TOKEN_STEPS = SIGNERS.flatMap(({ id }) => [`module:${id}`, `token:${id}`, `keys:${id}`]);
export const GENESIS_STEPS = ['roles', 'tool', ...TOKEN_STEPS, 'wallets', 'genesis'];

/** What a lying program, with people who sign whatever it shows, would write into a step instead. */
export type Lies = Readonly<Record<string, (facts: Facts) => Facts>>;

/** A ceremony in the making, with members who sign. */
export class CeremonyDesk {
  readonly charter: CharterBuilder;
  readonly genesis: CharterEntry;
  readonly members;
  transcript: Transcript | undefined;
  text = '';

  constructor(signers: readonly SignerRecord[] = SIGNERS) {
    this.charter = CharterBuilder.start([...signers]);
    this.genesis = this.charter.entries[0]!;
    this.members = this.charter.members;
  }

  write(body: CeremonyBody, at = instant()): string {
    const line = nextLine(this.transcript, at, body);
    const next = applyLine(this.transcript, line);
    if (!next.ok) return next.refusal.code;
    this.transcript = next.value;
    this.text += lineText(line);
    return 'taken';
  }
  open(
    steps: readonly CeremonyStep[],
    firm: Digest | null = null,
    terms: object = { plan: PLAN, mode: 'terminal' },
  ): string {
    const members = Object.values(this.members).map(publicPart);
    return this.write({ kind: 'opened', runBook: 'test', firm, members, steps: [...steps], ...terms });
  }
  result(step: string, facts: Facts = { seen: 'yes' }): string {
    return this.write({ kind: 'result', step, facts });
  }
  sign(step: string, member: TestMember, decision: 'PROPOSE' | 'APPROVE' | 'REJECT', bytes?: string): string {
    const hash = (bytes ?? this.transcript!.open?.hash ?? ZERO_DIGEST) as Digest;
    const terms = {
      firm: this.transcript!.opened.firm ?? ZERO_DIGEST,
      intent: hash,
      payload: hash,
      charterSequence: 0,
    };
    return this.write({ kind: 'signed', step, approval: say(member, decision, terms) });
  }

  /** A whole genesis ceremony but for its closing: each step shown, and signed by those who should. */
  perform({
    lies = {},
    ids = GENESIS_STEPS,
    terms,
  }: { lies?: Lies; ids?: readonly string[]; terms?: object } = {}): this {
    const { olivia, carla } = this.members;
    this.open(
      ids.map((id) => ({ id, title: id, performer: 'olivia', witness: 'carla' })),
      null,
      terms,
    );
    for (const id of ids) {
      const facts = this.shown(id);
      this.result(id, lies[id]?.(facts) ?? facts);
      this.sign(id, olivia, 'PROPOSE');
      this.sign(id, carla, 'APPROVE');
    }
    return this;
  }
  close(genesis: CharterEntry | null = this.genesis): string {
    return this.write({ kind: 'closed', genesis });
  }

  private shown(id: string): Facts {
    const [kind, signer = ''] = id.split(':');
    const { act } = this.genesis.intent;
    if (kind === 'roles') return memberFacts(this.transcript!.opened.members);
    if (kind === 'token') return { label: signer, serial: serialOf(signer) };
    if (kind === 'keys') return this.keys(signer);
    const keys = this.transcript!.signed.flatMap(({ facts }) => facts[`${WALLET} key`] ?? []);
    if (kind === 'wallets') return keys.length === 0 ? {} : orThrow(walletFacts(WALLET, TERMS, keys));
    if (id === 'genesis' && act.kind === 'genesis') return { genesis: this.charter.firm, ...genesisFacts(act) };
    return { seen: 'yes' };
  }
  private keys(signer: string): Facts {
    const { publicKey, privateKey } = quorumKey(signer, WALLET);
    const nonce = this.transcript!.head;
    return {
      nonce,
      [`${WALLET} key`]: publicKey,
      [`${WALLET} attributes`]: STAYING,
      [`${WALLET} signature`]: controlOf(nonce, publicKey, privateKey),
    };
  }
}

/** The signature of a key over a nonce, as its token would make it. */
export const controlOf = (nonce: string, publicKey: string, privateKey: Uint8Array): string =>
  Buffer.from(ecc.sign(ceremonyControlDigest(nonce, WALLET, publicKey), privateKey)).toString('hex');
