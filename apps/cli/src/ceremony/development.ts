import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryHash, type CharterEntry } from '@bulkhead/charter';
import { readTranscript, tokenHolders, verifyTranscript, type TokenHolder } from '@bulkhead/evidence';
import { orThrow, REGTEST, type Digest } from '@bulkhead/intent';
import { developmentDevice, makeDevelopmentMembers } from '../members/development-members.js';
import { makeGenesis, readGenesis } from '../setup/genesis.js';
import {
  EVERY_SIGNER,
  SIGNER_NAMES,
  SPARE_SIGNER,
  writeFileAtomically,
  type Layout,
  type Stack,
} from '../stack/index.js';
import { ceremonyTerms, conduct, type People } from './conduct.js';
import { planDigest } from './plan-file.js';
import { genesisRunBook, type CeremonyPlan } from './run-book.js';

/** Where the development firm's ceremony is kept. */
export const ceremonyFolder = ({ root }: Layout): string => join(root, 'ceremony');
/** What the charter would be told of the signer that stands by. */
export const spareFile = (layout: Layout): string => join(ceremonyFolder(layout), 'spare.json');
export const developmentTranscript = (layout: Layout): string => join(ceremonyFolder(layout), 'transcript.jsonl');

/**
 * The genesis ceremony with development answers: the same run book and the same transcript as with people, and every
 * member says yes. Once it has come to its end, it only gives the genesis it ended with.
 */
export async function developmentCeremony(stack: Stack): Promise<{ entry: CharterEntry; firm: Digest }> {
  const { layout } = stack;
  const file = developmentTranscript(layout);
  if (existsSync(layout.genesis) && !existsSync(file)) return makeGenesis(stack); // a state from before ceremonies
  writeTokenPlaces(stack);
  const held = existsSync(file) ? orThrow(readTranscript(readFileSync(file, 'utf8'))).transcript : undefined;
  if (held?.genesis) return { entry: readGenesis(layout.genesis), firm: entryHash(held.genesis) };
  const plan = developmentPlan(stack);
  const { firm } = await conduct(file, genesisRunBook(plan), developmentPeople(layout));
  return { entry: readGenesis(layout.genesis), firm };
}

function developmentPlan(stack: Stack): CeremonyPlan {
  const { layout, tokens } = stack;
  const terms = {
    name: 'Genesis of the development firm',
    rota: [
      { performer: 'olivia', witness: 'carla' },
      { performer: 'omar', witness: 'olivia' },
      { performer: 'oskar', witness: 'omar' },
    ],
    tokens: SIGNER_NAMES.map((signer) => ({
      signer,
      profile: tokens[signer].profile,
      label: tokens[signer].label,
      pinFile: tokens[signer].pinFile,
      soPinFile: join(layout.token(signer), 'so-pin'),
      env: { SOFTHSM2_CONF: tokens[signer].configFile },
      holder: 'whoever runs this machine',
      place: 'the development stack',
    })),
    wallets: [
      { id: 'house-btc', chain: REGTEST, threshold: 2, recovery: { kind: 'none' }, recoveryDelayBlocks: 4_320 },
    ],
  } as const;
  return {
    ...terms,
    digest: planDigest(terms),
    members: makeDevelopmentMembers(layout.members),
    makeGenesis: async () => (await makeGenesis(stack)).entry,
    genesis: () => readGenesis(layout.genesis),
  };
}

/** Where the tokens are, as the signed steps of the ceremony have it; none where there was no ceremony. */
export function ceremonyHolders(layout: Layout): TokenHolder[] {
  const file = developmentTranscript(layout);
  return existsSync(file) ? tokenHolders(orThrow(verifyTranscript(readFileSync(file, 'utf8')))) : [];
}

export const developmentPeople = (layout: Layout): People => ({
  mode: 'development',
  sign: ({ id }, question) =>
    Promise.resolve(developmentDevice(layout.members, id).say(question.decision, ceremonyTerms(question))),
  tell: () => undefined,
});

/** For `bulkhead recover`: where the development tokens are. For `bulkhead rotate`: the signer that stands by. */
function writeTokenPlaces({ layout, tokens, tls }: Stack): void {
  const places = EVERY_SIGNER.map((signer) => {
    const { label, pinFile, configFile, profile } = tokens[signer];
    const profileFile = join(ceremonyFolder(layout), `${signer}.pkcs11.json`);
    writeFileAtomically(profileFile, `${JSON.stringify(profile, null, 2)}\n`);
    return { signer, profileFile, label, pinFile, env: { SOFTHSM2_CONF: configFile } };
  });
  writeFileAtomically(join(ceremonyFolder(layout), 'tokens.json'), `${JSON.stringify(places, null, 2)}\n`);
  const spare = {
    id: SPARE_SIGNER,
    tlsFingerprint: tls[SPARE_SIGNER].fingerprint,
    tokenSerial: tokens[SPARE_SIGNER].serial,
  };
  writeFileAtomically(spareFile(layout), `${JSON.stringify(spare, null, 2)}\n`);
}
