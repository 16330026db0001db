import { CharterBuilder, instant } from '../../../test/support/charter-builder.js';
import { codeOf } from '../../../test/support/outcome.js';
import { SIGNER_RECORDS } from '../../../test/support/wallets.js';
import { applyEntry, delayOf, governedBy, type Act } from './index.js';

const move = (signer: string, tokenSerial: string): Act => ({ kind: 'signer.move-token', signer, tokenSerial });

describe('a signer that goes on with another token', () => {
  const start = (): CharterBuilder => CharterBuilder.start(SIGNER_RECORDS);
  const offered = (firm: CharterBuilder, act: Act) => codeOf(applyEntry(firm.state, firm.entry(act)));

  it('has that token from then on, and may go back', () => {
    const firm = start();
    firm.append(move('signer-a', 'f0'));
    expect(firm.state.signers.get('signer-a')).toMatchObject({ tokenSerial: 'f0', formerTokens: ['a0'] });
    firm.append(move('signer-a', 'a0'));
    expect(firm.state.signers.get('signer-a')).toMatchObject({ tokenSerial: 'a0', formerTokens: ['f0'] });
  });

  it('is decided like an enrolment: started by an engineer, agreed to by compliance, after its delay', () => {
    const firm = CharterBuilder.start(SIGNER_RECORDS, {
      genesis: { rules: { delaySeconds: { 'signer.enrol': 600 } } },
    });
    const act = move('signer-a', 'f0');
    expect(governedBy(firm.state, act as Extract<Act, { kind: 'signer.move-token' }>)).toBe('signer.enrol');
    expect(delayOf(firm.state, act as Extract<Act, { kind: 'signer.move-token' }>)).toBe(600);
    const { olivia, omar, oskar, carla, erika } = firm.members;
    const tried = (initiator: typeof olivia, approvers: readonly (typeof olivia)[]) =>
      codeOf(applyEntry(firm.state, firm.entry(act, { initiator, approvers })));
    expect(tried(olivia, [omar, carla])).toBe('approval.not-eligible');
    expect(tried(erika, [omar, oskar])).toBe('approval.quorum-not-met');
    firm.append(act);
    expect(firm.state.signers.get('signer-a')?.tokenSerial).toBe('a0');
    expect(firm.state.pending.size).toBe(1);
  });

  it('goes on with the last one that was decided on: an earlier act that still waits is overtaken', () => {
    const firm = CharterBuilder.start(SIGNER_RECORDS, { genesis: { rules: { delaySeconds: { 'signer.enrol': 1 } } } });
    const [first, second] = [firm.append(move('signer-a', 'f0')), firm.append(move('signer-a', 'f1'))];
    const later = { enactedAt: instant(5_000) };
    firm.append({ kind: 'pending.enact', intent: second.intent.id }, later);
    const stale = firm.entry({ kind: 'pending.enact', intent: first.intent.id }, later);
    expect(codeOf(applyEntry(firm.state, stale))).toBe('charter.nothing-pending');
    expect(firm.state.signers.get('signer-a')?.tokenSerial).toBe('f1');
  });

  it('takes no token that is or was another signer’s, nor the one it has', () => {
    const firm = start();
    expect(offered(firm, move('signer-a', 'a1'))).toBe('charter.id-taken');
    expect(offered(firm, move('signer-a', 'a0'))).toBe('charter.act-not-allowed');
    firm.append(move('signer-b', 'f1'));
    expect(offered(firm, move('signer-a', 'a1'))).toBe('charter.id-taken');
    const enrol = { id: 'signer-z', tlsFingerprint: 'ee'.repeat(32), tokenSerial: 'a1' };
    expect(offered(firm, { kind: 'signer.enrol', signer: enrol })).toBe('charter.id-taken');
  });

  it('is in service, and known', () => {
    const firm = start();
    expect(offered(firm, move('signer-z', 'f0'))).toBe('charter.unknown-signer');
    firm.append({ kind: 'signer.retire', signer: 'signer-a' });
    expect(offered(firm, move('signer-a', 'f0'))).toBe('charter.signer-retired');
  });
});
