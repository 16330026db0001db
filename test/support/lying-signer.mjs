import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

/*
 * Loaded before a real signer: what it then gives to other members of MPC groups is wrong by one bit, whenever the file
 * that LIES_FILE names says so (generate, reshare, sign); or what it promises is no point (point), is not signed by it
 * (forgery), or is said to be for other shares than its own (group). All else is as it is: its keys, its channels, what it
 * checks.
 */

const isLying = (when) => readFileSync(process.env.LIES_FILE, 'utf8').includes(when);

globalThis.lie = (when, share) => {
  if (share === undefined || !isLying(when)) return share;
  if (typeof share === 'string') return otherwise(share);
  const wrong = Uint8Array.from(share);
  wrong[31] ^= 1;
  return wrong;
};

globalThis.lieAboutNonces = (nonces) =>
  isLying('point') ? nonces.map((each) => ({ ...each, hiding: `02${'ff'.repeat(32)}` })) : nonces;

globalThis.lieInPromise = ({ message, group }) => ({
  message: isLying('forgery') ? { ...message, signature: otherwise(message.signature) } : message,
  group: isLying('group') ? { ...group, verifyingShares: group.verifyingShares.toReversed() } : group,
});

const otherwise = (hex) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1);

const LIES = [
  ['frost/key-generation.js', 'return share && Uint8Array.from(share);', "return lie('generate', share);"],
  ['frost/resharing.js', /return (this\.polynomial && evaluate\(.*\));/, "return lie('reshare', $1);"],
  ['frost/signing.js', 'share: toHex(share)', "share: lie('sign', toHex(share))"],
  ['core/mpc-signing.service.js', '...made.commitments', '...lieAboutNonces(made.commitments)'],
  [
    'core/mpc-signing.service.js',
    /return accepted\((\{\s*message: this\.sign\([^)]*\),\s*group\s*\})\);/,
    'return accepted(lieInPromise($1));',
  ],
];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const found = LIES.filter(([file]) => url.endsWith(file));
    if (found.length === 0) return loaded;
    let source = String(loaded.source);
    for (const [file, truth, untruth] of found) {
      const changed = source.replace(truth, untruth);
      if (changed === source) throw new Error(`${file} does not say what a lie could be put in the place of`);
      source = changed;
    }
    return { ...loaded, source };
  },
});
