import { orThrow } from '@bulkhead/intent';
import { CeremonyDesk, GENESIS_STEPS } from '../../../test/support/ceremony-desk.js';
import { instant, makeMember } from '../../../test/support/charter-builder.js';
import { HOUR_MS } from '../../../test/support/members.js';
import { verifyTranscript } from './transcript-verification.js';
import { readTranscript } from './transcript.js';

const STEPS = [
  { id: 'tool', title: 'The tool is the published one', performer: 'olivia', witness: 'carla' },
  { id: 'genesis', title: 'The genesis is signed', performer: 'omar', witness: 'oskar' },
];

const codeOf = (text: string): string => {
  const verified = verifyTranscript(text);
  return verified.ok ? 'verified' : verified.refusal.code;
};

describe('a ceremony transcript', () => {
  it('leads from its opening, step by signed step, to a genesis', () => {
    const desk = new CeremonyDesk().perform();
    expect(desk.close()).toBe('taken');
    const finished = orThrow(verifyTranscript(desk.text));
    expect(finished.firm).toBe(desk.charter.firm);
    expect(finished.signed.map(({ id, performer, witness }) => [id, performer, witness])).toEqual(
      GENESIS_STEPS.map((id) => [id, 'olivia', 'carla']),
    );
  });

  it('does not go on past a step that is not signed by both', () => {
    const desk = new CeremonyDesk();
    desk.open(STEPS);
    desk.result('tool');
    expect(desk.result('genesis')).toBe('ceremony.step-unsigned');
    expect(desk.sign('tool', desk.members.olivia, 'PROPOSE')).toBe('taken');
    expect(desk.result('genesis')).toBe('ceremony.step-unsigned');
    expect(desk.close()).toBe('ceremony.step-unsigned');
    expect(desk.sign('tool', desk.members.carla, 'APPROVE')).toBe('taken');
    expect(desk.result('genesis')).toBe('taken');
  });

  it('takes nobody’s signature but the performer’s, then the witness’s', () => {
    const desk = new CeremonyDesk();
    const { olivia, omar, carla } = desk.members;
    desk.open(STEPS);
    desk.result('tool');
    expect(desk.sign('tool', omar, 'PROPOSE')).toBe('approval.malformed');
    expect(desk.sign('tool', carla, 'APPROVE')).toBe('approval.malformed');
    expect(desk.sign('tool', olivia, 'PROPOSE', 'a'.repeat(64))).toBe('approval.intent-mismatch');
    expect(desk.sign('tool', makeMember('olivia', 'operator'), 'PROPOSE')).toBe('approval.bad-signature');
    expect(desk.sign('tool', olivia, 'PROPOSE')).toBe('taken');
    expect(desk.sign('tool', olivia, 'APPROVE')).toBe('ceremony.malformed');
    expect(desk.sign('tool', omar, 'APPROVE')).toBe('ceremony.malformed');
  });

  it('has a step done again that somebody rejects', () => {
    const desk = new CeremonyDesk();
    desk.open(STEPS);
    desk.result('tool', { seen: 'no' });
    desk.sign('tool', desk.members.olivia, 'PROPOSE');
    expect(desk.sign('tool', desk.members.carla, 'REJECT')).toBe('taken');
    expect(desk.result('tool')).toBe('taken');
  });

  it('wants two people for each step', () => {
    const desk = new CeremonyDesk();
    expect(desk.open([{ ...STEPS[0]!, witness: 'olivia' }])).toBe('ceremony.malformed');
    expect(desk.open([{ ...STEPS[0]!, witness: 'nobody' }])).toBe('ceremony.malformed');
    expect(desk.open([STEPS[0]!, STEPS[0]!])).toBe('ceremony.malformed');
  });

  it('closes with the genesis that was signed for, and with no other', () => {
    const desk = new CeremonyDesk().perform();
    expect(desk.close(new CeremonyDesk().genesis)).toBe('ceremony.tampered');
    expect(codeOf(desk.text)).toBe('ceremony.incomplete');
  });

  it('of a firm that is there ends without a genesis, and is signed for that firm', () => {
    const desk = new CeremonyDesk();
    desk.open([STEPS[0]!], desk.charter.firm);
    desk.result('tool');
    desk.sign('tool', desk.members.olivia, 'PROPOSE');
    desk.sign('tool', desk.members.carla, 'APPROVE');
    expect(desk.close()).toBe('ceremony.tampered');
    expect(desk.close(null)).toBe('taken');
    expect(orThrow(verifyTranscript(desk.text)).firm).toBe(desk.charter.firm);
    expect(desk.write({ kind: 'noted', step: null, note: 'more' })).toBe('ceremony.malformed');
  });

  it('keeps its order in time', () => {
    const desk = new CeremonyDesk();
    desk.open(STEPS);
    expect(desk.write({ kind: 'noted', step: null, note: 'late' }, instant(-HOUR_MS))).toBe('ceremony.tampered');
  });

  it('is refused when a line is changed, left out, moved or cut off', () => {
    const desk = new CeremonyDesk().perform();
    desk.close();
    const lines = desk.text.trimEnd().split('\n');
    const joined = (parts: readonly string[]): string => `${parts.join('\n')}\n`;
    expect(codeOf(joined(lines))).toBe('verified');
    for (const place of lines.keys()) {
      expect(codeOf(joined(lines.toSpliced(place, 1)))).not.toBe('verified');
      expect(codeOf(joined(lines.with(place, lines[place]!.replace('"v":1', '"v": 1'))))).not.toBe('verified');
    }
    expect(codeOf(joined(lines.map((line) => line.replace('"seen":"yes"', '"seen":"no"'))))).toBe('ceremony.tampered');
    expect(codeOf(joined([lines[0]!, lines[2]!, lines[1]!]))).not.toBe('verified');
    expect(codeOf(desk.text.slice(0, -20))).toBe('ceremony.malformed');
    expect(codeOf(joined(lines.slice(0, 2)))).toBe('ceremony.step-unsigned');
    expect(codeOf('')).toBe('ceremony.incomplete');
  });

  it('can be read up to a line that was cut off, to go on from there', () => {
    const desk = new CeremonyDesk().perform();
    const read = orThrow(readTranscript(`${desk.text}{"at":"2026`));
    expect(read.torn).toBe('{"at":"2026');
    expect(read.transcript?.signed).toHaveLength(GENESIS_STEPS.length);
  });
});
