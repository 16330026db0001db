import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

/*
 * Loaded before a real signer: what it then gives to other members of MPC groups is wrong by one bit, whenever the file
 * that LIES_FILE names says so (generate, reshare, sign). All else is as it is: its keys, its channels, what it checks.
 */

globalThis.lie = (when, share) => {
  if (share === undefined || !readFileSync(process.env.LIES_FILE, 'utf8').includes(when)) return share;
  if (typeof share === 'string') return (share.startsWith('0') ? '1' : '0') + share.slice(1);
  const wrong = Uint8Array.from(share);
  wrong[31] ^= 1;
  return wrong;
};

const LIES = [
  ['frost/key-generation.js', 'return share && Uint8Array.from(share);', "return lie('generate', share);"],
  ['frost/resharing.js', /return (this\.polynomial && evaluate\(.*\));/, "return lie('reshare', $1);"],
  ['frost/signing.js', 'share: toHex(share)', "share: lie('sign', toHex(share))"],
];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const found = LIES.find(([file]) => url.endsWith(file));
    if (!found) return loaded;
    const [file, truth, untruth] = found;
    const source = String(loaded.source);
    const changed = source.replace(truth, untruth);
    if (changed === source) throw new Error(`${file} does not say what a lie could be put in the place of`);
    return { ...loaded, source: changed };
  },
});
