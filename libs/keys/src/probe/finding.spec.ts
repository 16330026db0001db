import { statusOf, verdictOf, type Finding } from './finding.js';

const finding = (check: string, outcome: Finding['outcome'], needed = false): Finding => ({
  ...{ check, outcome, needed, detail: '', facts: {} },
});
const curve = finding('curve.secp256k1', 'ok', true);

describe('the status of a probe', () => {
  it.each([
    ['all that is needed is there', [curve, finding('object.data', 'ok', true)], 0],
    ['a risk is guarded against', [curve, finding('sign.high-s', 'guarded')], 0],
    ['what is not needed is wrong', [curve, finding('seal.aes-gcm', 'wrong')], 0],
    ['something needed is missing', [curve, finding('object.data', 'missing', true)], 1],
    ['something needed is wrong', [curve, finding('key.value', 'wrong', true)], 1],
    ['there is P-256 only', [finding('curve.secp256k1', 'missing', true), finding('curve.p256', 'ok')], 1],
    ['no curve signs', [finding('curve.secp256k1', 'wrong', true), finding('curve.p256', 'missing')], 2],
    ['nothing was found out', [], 2],
  ])('when %s', (_what, findings, status) => {
    expect(statusOf(true, findings)).toBe(status);
  });

  it('is 2 whenever the token could not be opened', () => {
    expect(statusOf(false, [curve])).toBe(2);
  });

  it('is told with what stands in the way', () => {
    const findings = [curve, finding('object.data', 'missing', true), finding('seal.aes-gcm', 'missing')];
    expect(verdictOf(1, findings)).toBe('usable in part, not for quorum keys (object.data)');
  });
});
