import { CeremonyDesk, controlOf, GENESIS_STEPS, PLAN, type Lies } from '../../../test/support/ceremony-desk.js';
import { publicPart } from '../../../test/support/members.js';
import { quorumKey, SIGNER_RECORDS } from '../../../test/support/wallets.js';
import { signerActFacts, type SignerAct } from './signer-acts.js';
import { verifyTranscript } from './transcript-verification.js';
import { memberFacts, type Facts } from './transcript-facts.js';

/** What an auditor is told of a ceremony whose every line is signed by those who should. */
function told(desk: CeremonyDesk): string {
  desk.close();
  const verified = verifyTranscript(desk.text);
  if (verified.ok) return 'verified';
  const { code, facts } = verified.refusal;
  return `${code} ${facts.step ?? facts.signer ?? ''}`;
}
const toldOf = (lies: Lies): string => told(new CeremonyDesk().perform({ lies }));
const changed =
  (changes: Facts) =>
  (facts: Facts): Facts => ({ ...facts, ...changes });
const attribute =
  (from: string, to: string) =>
  (facts: Facts): Facts => ({
    ...facts,
    'house-btc attributes': facts['house-btc attributes']!.replace(from, to),
  });

describe('a transcript that everybody has signed', () => {
  it('is verified when what it says follows', () => {
    expect(toldOf({})).toBe('verified');
  });

  it('is refused when a key signed a nonce that was known before', () => {
    const { publicKey, privateKey } = quorumKey('signer-a', 'house-btc');
    const early = { nonce: PLAN, 'house-btc signature': controlOf(PLAN, publicKey, privateKey) };
    expect(toldOf({ 'keys:signer-a': changed(early) })).toBe('ceremony.contradicted keys:signer-a');
  });

  it('is refused when a key did not sign', () => {
    const stranger = quorumKey('signer-d', 'house-btc').publicKey;
    expect(toldOf({ 'keys:signer-b': changed({ 'house-btc key': stranger }) })).toBe(
      'ceremony.contradicted keys:signer-b',
    );
  });

  it.each([
    ['extractable=false', 'extractable=true'],
    ['sensitive=true', 'sensitive=false'],
    ['local=true', 'local=false'],
    ['decrypt=false', 'decrypt=true'],
    [' derive=false', ''],
  ])('is refused when a key has not %s but "%s"', (from, to) => {
    expect(toldOf({ 'keys:signer-c': attribute(from, to) })).toBe('ceremony.contradicted keys:signer-c');
  });

  it('lets a key be wrapped only where the module step said so, and be one from elsewhere never', () => {
    const wrappable = {
      'keys:signer-c': (facts: Facts) =>
        attribute(
          'neverExtractable=true',
          'neverExtractable=false',
        )(attribute('extractable=false', 'extractable=true')(facts)),
    };
    const wrapped = { 'module:signer-c': changed({ 'key backup': 'wrapped' }) };
    expect(toldOf(wrappable)).toBe('ceremony.contradicted keys:signer-c');
    expect(toldOf({ ...wrappable, ...wrapped })).toBe('verified');
    const restored = {
      'keys:signer-c': (facts: Facts) => ({
        ...facts,
        'house-btc attributes': facts['house-btc attributes']!.replace(
          'alwaysSensitive=true neverExtractable=true local=true',
          'alwaysSensitive=false neverExtractable=false local=false',
        ),
      }),
    };
    expect(toldOf({ ...restored, ...wrapped })).toBe('ceremony.contradicted keys:signer-c');
  });

  it.each(['descriptor', 'first address', 'fingerprint', 'terms'])('is refused with another %s of a wallet', (what) => {
    const name = `house-btc ${what}`;
    const lie = (facts: Facts): Facts => ({
      ...facts,
      [name]: facts[name]!.replace(/\d(?=\D*$)/, (d) => String(9 - +d)),
    });
    expect(toldOf({ wallets: lie })).toBe('ceremony.contradicted wallets');
  });

  it('is refused when a wallet lacks the key of a signer', () => {
    const keyless = ({ 'house-btc key': _key, ...facts }: Facts): Facts => facts;
    expect(toldOf({ 'keys:signer-a': keyless })).toBe('ceremony.contradicted wallets');
  });

  it('is refused when its genesis names other tokens than were seen, or none', () => {
    const other = SIGNER_RECORDS.map((one) => ({ ...one, tokenSerial: `other ${one.id.slice(-1)}` }));
    expect(told(new CeremonyDesk(other).perform())).toBe('ceremony.contradicted signer-a');
    expect(told(new CeremonyDesk(SIGNER_RECORDS).perform())).toBe('ceremony.contradicted signer-a');
  });

  it('is refused when its members or its genesis were shown otherwise', () => {
    expect(toldOf({ roles: changed({ olivia: 'somebody else' }) })).toBe('ceremony.contradicted roles');
    expect(toldOf({ genesis: changed({ 'limit maxFeeSat': '1' }) })).toBe('ceremony.contradicted genesis');
  });

  it('is refused without a step that a genesis takes, without a plan, and without a mode', () => {
    for (const left of GENESIS_STEPS.slice(0, -1)) {
      const ids = GENESIS_STEPS.filter((id) => id !== left);
      expect([left, told(new CeremonyDesk().perform({ ids }))]).not.toContain('verified');
    }
    const empty = ['roles', 'tool', 'wallets', 'genesis'];
    const lies = { wallets: () => ({}) };
    expect(told(new CeremonyDesk().perform({ ids: empty, lies }))).toBe('ceremony.contradicted module:signer-a');
    for (const terms of [{ plan: PLAN }, { mode: 'terminal' }]) {
      expect(told(new CeremonyDesk().perform({ terms }))).toBe('ceremony.contradicted opening');
    }
  });
});

describe('a ceremony of tokens in a firm that is there', () => {
  const SERIAL = 'serial of d';
  const ENROL: SignerAct = {
    kind: 'signer.enrol',
    signer: { id: 'signer-d', tlsFingerprint: 'd'.repeat(64), tokenSerial: SERIAL },
  };
  const MOVE: SignerAct = { kind: 'signer.move-token', signer: 'signer-d', tokenSerial: SERIAL };

  /** What an auditor is told of one that has shown these acts. */
  function toldOfActs(acts: Facts): string {
    const desk = new CeremonyDesk();
    const { olivia, carla } = desk.members;
    const members = Object.values({ ...desk.members }).map(publicPart);
    const shown = { roles: memberFacts(members), 'token:signer-d': { label: 'd', serial: SERIAL }, acts };
    const steps = Object.keys(shown).map((id) => ({ id, title: id, performer: 'olivia', witness: 'carla' }));
    desk.open(steps, desk.charter.firm);
    for (const [id, facts] of Object.entries(shown)) {
      desk.result(id, facts);
      desk.sign(id, olivia, 'PROPOSE');
      desk.sign(id, carla, 'APPROVE');
    }
    desk.close(null);
    const verified = verifyTranscript(desk.text);
    return verified.ok ? 'verified' : `${verified.refusal.code} ${verified.refusal.facts.act ?? ''}`;
  }

  it('tells the charter of the token that was signed for', () => {
    expect(toldOfActs(signerActFacts([ENROL]))).toBe('verified');
    expect(toldOfActs(signerActFacts([MOVE]))).toBe('verified');
    expect(toldOfActs({})).toBe('verified');
  });

  it.each<[string, Facts]>([
    ['another token', signerActFacts([{ ...MOVE, tokenSerial: 'another' }])],
    ['another signer', signerActFacts([{ ...MOVE, signer: 'signer-a' }])],
    ['no token', signerActFacts([{ ...ENROL, signer: { id: 'signer-d', tlsFingerprint: 'd'.repeat(64) } }])],
    ['another name', { 'signer.enrol signer-d': JSON.stringify(MOVE) }],
    ['another act', { 'signer.retire signer-d': JSON.stringify({ kind: 'signer.retire', signer: 'signer-d' }) }],
    ['no act', { 'signer.enrol signer-d': 'yes' }],
  ])('is refused when an act names %s', (_what, acts) => {
    expect(toldOfActs(acts)).toMatch(/^ceremony\.contradicted signer\./);
  });
});
