import { createHash } from 'node:crypto';
import type { Member, Quorum } from '@bulkhead/approval';
import {
  deriveAddress,
  validateWalletSpec,
  walletDescriptor,
  type BitcoinWalletSpec,
  type RecoverySpec,
} from '@bulkhead/bitcoin';
import { USUAL_RULES, type GenesisAct } from '@bulkhead/charter';
import { accepted, canonicalJson, type BitcoinChainId, type Result } from '@bulkhead/intent';

/** What a step has shown, as its performer and its witness have signed it. */
export type Facts = Readonly<Record<string, string>>;

/** What is decided of a Bitcoin wallet before its keys are made. */
export interface WalletTerms {
  readonly chain: BitcoinChainId;
  readonly threshold: number;
  readonly recovery: RecoverySpec;
  readonly recoveryDelayBlocks: number;
}

/** Everybody by name, person, role and keys. */
export const memberFacts = (members: readonly Member[]): Facts =>
  Object.fromEntries(
    members.map(({ id, name, person, role, keys }) => [
      id,
      `${name}, person ${person}, ${role}: ${keys.map((key) => `${key.id} ${key.scheme} ${key.publicKey}`).join(', ')}`,
    ]),
  );

/** Everything that a genesis decides, for those who sign it to read: each fact follows from the act alone. */
export function genesisFacts(act: GenesisAct): Facts {
  const { singleton, proxyFactory, fallbackHandler, multiSendCallOnly, proxyCreationCode } = act.safeContracts;
  const pinned = { singleton, proxyFactory, fallbackHandler, multiSendCallOnly };
  const rules = { ...USUAL_RULES, ...act.rules };
  return {
    firm: act.name,
    chains: `${act.bitcoin}, ${act.ethereum}`,
    ...named('member', memberFacts(act.members)),
    ...named('group', Object.fromEntries((act.groups ?? []).map(({ id, members }) => [id, members.join(', ')]))),
    ...named(
      'signer',
      Object.fromEntries(
        act.signers.map(({ id, tokenSerial, tlsFingerprint }) => [
          id,
          `token ${tokenSerial ?? 'not named'}, certificate ${tlsFingerprint}`,
        ]),
      ),
    ),
    ...named('quorum', Object.fromEntries(Object.entries(act.quorums).map(([name, one]) => [name, quorumText(one)]))),
    ...named('limit', texts(act.limits)),
    ...named('rule', texts(rules)),
    calendar: act.calendar ? canonicalJson(act.calendar) : 'none',
    ...named(
      'safe',
      Object.fromEntries(Object.entries(pinned).map(([name, one]) => [name, `${one.address}, code ${one.codeHash}`])),
    ),
    'safe proxyCreationCode': `sha256 ${sha256(proxyCreationCode)}`,
    ...(act.policies
      ? named('policy', Object.fromEntries(act.policies.map(({ id, text }) => [id, `sha256 ${sha256(text)}`])))
      : { policies: 'the default ones of the program' }),
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const named = (kind: string, facts: Facts): Facts =>
  Object.fromEntries(Object.entries(facts).map(([name, value]) => [`${kind} ${name}`, value]));

const texts = (values: object): Facts =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value : canonicalJson(value)]),
  );

function quorumText({ initiators, anyOf }: Quorum): string {
  const ways = anyOf.map((asked) => asked.map(({ threshold, group }) => `${threshold} of ${group}`).join(' and '));
  return `started by ${initiators.join(' or ')}; approved by ${ways.join(', or by ')}`;
}

/** What a key signs to show that it can: fresh, since nobody knew the transcript’s head before. */
export const ceremonyControlDigest = (head: string, wallet: string, publicKey: string): Uint8Array =>
  createHash('sha256').update(`bulkhead/ceremony-control/v1\n${head}\n${wallet}\n${publicKey}`).digest();

/** The keys of a wallet as signed steps have them, in the order of the tokens. */
export const ceremonyKeys = (
  signed: readonly { readonly id: string; readonly facts: Facts }[],
  wallet: string,
): string[] => signed.filter(({ id }) => id.startsWith('keys:')).flatMap(({ facts }) => facts[`${wallet} key`] ?? []);

/** What follows from a wallet’s terms and keys. Refused `bitcoin.wallet-malformed` when no wallet can be made of them. */
export function walletFacts(id: string, terms: WalletTerms, quorumKeys: readonly string[]): Result<Facts> {
  const { chain, threshold, recovery, recoveryDelayBlocks } = terms;
  const agreed = { chain, threshold, recovery, recoveryDelayBlocks };
  const spec: Result<BitcoinWalletSpec> = validateWalletSpec({ ...agreed, quorumKeys });
  if (!spec.ok) return spec;
  const descriptor = walletDescriptor(spec.value);
  return accepted({
    [`${id} terms`]: canonicalJson(agreed),
    [`${id} descriptor`]: descriptor,
    [`${id} first address`]: deriveAddress(spec.value, 0, 0).address,
    [`${id} fingerprint`]: sha256(descriptor).slice(0, 16),
  });
}
