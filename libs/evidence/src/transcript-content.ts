import { entryHash, type CharterEntry, type GenesisAct, type SignerRecord } from '@bulkhead/charter';
import { chainIdSchema, accepted, canonicalJson, isBitcoinChain, refused, type Result } from '@bulkhead/intent';
import { keyAttributesSchema, verifyLowS, wrongAttributes } from '@bulkhead/keys';
import { z } from 'zod';
import { tokenHolders } from './holders.js';
import { signerActsOf } from './signer-acts.js';
import type { SignedStep, Transcript } from './transcript.js';
import {
  ceremonyControlDigest,
  ceremonyKeys,
  genesisFacts,
  memberFacts,
  walletFacts,
  type Facts,
} from './transcript-facts.js';

type Signed = Pick<Transcript, 'signed'>;

const contradicted = (detail: string, facts: Record<string, string> = {}): Result<never> =>
  refused('ceremony.contradicted', detail, facts);

const termsSchema = z.strictObject({
  chain: chainIdSchema.refine(isBitcoinChain),
  threshold: z.int(),
  recovery: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({ kind: z.literal('xpub'), xpub: z.string() }),
  ]),
  recoveryDelayBlocks: z.int(),
});

/**
 * Whether what the steps of a ceremony say is so: signatures show who said it, this shows that it follows. Everything
 * that can be derived is derived again from signed keys, tokens and acts.
 */
export function checkContent(transcript: Transcript, genesis: CharterEntry | undefined): Result<Transcript> {
  const { opened, signed } = transcript;
  for (const step of signed) {
    const checked = step.id.startsWith('keys:') ? checkKeys(step, signed) : accepted(step);
    if (!checked.ok) return checked;
  }
  const roles = signed.find(({ id }) => id === 'roles');
  if (roles && !same(roles.facts, memberFacts(opened.members)))
    return contradicted('The members shown are not those who signed.', { step: 'roles' });
  const acts = signerActsOf(signed);
  if (!acts.ok) return acts;
  return genesis ? checkGenesis(transcript, genesis) : accepted(transcript);
}

/** A genesis ceremony is one of every token that the genesis names, and decides nothing that was not shown. */
function checkGenesis(transcript: Transcript, entry: CharterEntry): Result<Transcript> {
  const { opened, signed } = transcript;
  if (opened.plan === undefined || opened.mode === undefined)
    return contradicted('A genesis ceremony names its plan and how its people signed.', { step: 'opening' });
  const { act } = entry.intent;
  if (act.kind !== 'genesis') return contradicted('The entry is no genesis.');
  const present = signed.map(({ id }) => id);
  const required = requiredSteps(act);
  const odd = required.find((id) => !present.includes(id)) ?? present.find((id) => !required.includes(id));
  if (odd !== undefined) return contradicted('A genesis ceremony has these steps and no others.', { step: odd });
  const tokens = checkTokens(act, transcript);
  if (!tokens.ok) return tokens;
  const wallets = checkWallets(signed, act.signers.length);
  if (!wallets.ok) return wallets;
  const last = signed.at(-1);
  return last?.id === 'genesis' && same(last.facts, { genesis: entryHash(entry), ...genesisFacts(act) })
    ? accepted(transcript)
    : contradicted('The last step was not shown the genesis as it is.', { step: 'genesis' });
}

const requiredSteps = ({ signers }: GenesisAct): string[] => [
  'roles',
  'tool',
  ...signers.flatMap(({ id }) => [`module:${id}`, `token:${id}`, `keys:${id}`]),
  'wallets',
  'genesis',
];

/**
 * Each signer of a genesis has the token that was signed for in the ceremony, by its serial number, and no other signer
 * has it.
 */
export function checkTokens({ signers }: Pick<GenesisAct, 'signers'>, transcript: Signed): Result<'own tokens'> {
  const seen = new Map(tokenHolders(transcript).map(({ signer, tokenSerial }) => [signer, tokenSerial]));
  const stranger = signers.find(({ id, tokenSerial }) => tokenSerial === undefined || tokenSerial !== seen.get(id));
  const unnamed = [...seen.keys()].find((id) => !signers.some((signer) => signer.id === id));
  if (unnamed !== undefined) return contradicted('A token is of no signer of the genesis.', { signer: unnamed });
  if (!stranger) return accepted('own tokens');
  return contradicted('The genesis names another token than the ceremony has seen.', {
    signer: stranger.id,
    genesis: stranger.tokenSerial ?? 'none',
    ceremony: seen.get(stranger.id) ?? 'none',
  });
}

/** The signers of a genesis with the tokens that the ceremony has seen; one that names its token keeps what it says. */
export function withTokens(signers: readonly SignerRecord[], transcript: Signed): SignerRecord[] {
  const seen = new Map(tokenHolders(transcript).map(({ signer, tokenSerial }) => [signer, tokenSerial]));
  return signers.map((signer) => ({ ...signer, tokenSerial: signer.tokenSerial ?? seen.get(signer.id) ?? undefined }));
}

/** Keys count when they are made inside, cannot leave otherwise than the profile says, and sign what nobody knew before. */
function checkKeys({ id: step, facts, after }: SignedStep, signed: readonly SignedStep[]): Result<'keys'> {
  if (facts.nonce !== after) return contradicted('A nonce is not the head that the step began at.', { step });
  const module = signed.find(({ id }) => id === step.replace('keys:', 'module:'));
  const backup = module?.facts['key backup'] === 'wrapped' ? 'wrapped' : 'none';
  for (const wallet of walletsOf(facts, 'key')) {
    const publicKey = facts[`${wallet} key`] ?? '';
    const attributes = keyAttributesSchema.safeParse(attributesOf(facts[`${wallet} attributes`] ?? ''));
    if (!attributes.success) return contradicted('A key’s attributes are not all there.', { step, wallet });
    const wrong = attributes.data.local ? wrongAttributes(attributes.data, backup) : ['local'];
    if (wrong.length > 0)
      return contradicted('A key is not as a custody key must be.', { step, wallet, attributes: wrong.join() });
    if (!signs(publicKey, facts[`${wallet} signature`] ?? '', ceremonyControlDigest(after, wallet, publicKey)))
      return contradicted('A key did not sign its nonce.', { step, wallet });
  }
  return accepted('keys');
}

const signs = (publicKey: string, signature: string, digest: Uint8Array): boolean =>
  /^0[23][0-9a-f]{64}$/.test(publicKey) &&
  verifyLowS(digest, Buffer.from(publicKey, 'hex'), Buffer.from(signature, 'hex'));

const attributesOf = (text: string): Record<string, unknown> =>
  Object.fromEntries(
    text.split(' ').map((pair) => {
      const [name = '', value] = pair.split('=');
      return [name, value === 'true' ? true : value === 'false' ? false : value];
    }),
  );

/** Every wallet has one key of each signer, all of them signed for, none twice, and is what follows from them. */
function checkWallets(signed: readonly SignedStep[], signers: number): Result<'wallets'> {
  const shown = signed.find(({ id }) => id === 'wallets')?.facts ?? {};
  const ids = walletsOf(shown, 'terms');
  const made = signed.filter(({ id }) => id.startsWith('keys:')).flatMap(({ facts }) => walletsOf(facts, 'key'));
  const keys = ids.flatMap((id) => ceremonyKeys(signed, id));
  if (made.some((id) => !ids.includes(id)) || keys.length !== ids.length * signers || twice(keys))
    return contradicted('The keys made are not one of each signer for each wallet.', { step: 'wallets' });
  let derived: Facts = {};
  for (const id of ids) {
    const terms = termsOf(shown[`${id} terms`] ?? '');
    const facts = terms ? walletFacts(id, terms, ceremonyKeys(signed, id)) : undefined;
    if (!facts?.ok)
      return contradicted('No wallet can be made of its terms and keys.', { step: 'wallets', wallet: id });
    derived = { ...derived, ...facts.value };
  }
  return same(shown, derived)
    ? accepted('wallets')
    : contradicted('A wallet does not follow from its terms and keys.', { step: 'wallets' });
}

const walletsOf = (facts: Facts, what: 'key' | 'terms'): string[] =>
  Object.keys(facts).flatMap((name) => (name.endsWith(` ${what}`) ? [name.slice(0, -what.length - 1)] : []));

const twice = (values: readonly string[]): boolean => new Set(values).size !== values.length;

function termsOf(text: string): z.infer<typeof termsSchema> | undefined {
  try {
    return termsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const same = (left: Facts, right: Facts): boolean => canonicalJson(left) === canonicalJson(right);
