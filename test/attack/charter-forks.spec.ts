import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import type { Act, CharterEntry } from '@bulkhead/charter';
import { REGTEST } from '@bulkhead/intent';
import type { SignerName } from '../../apps/cli/src/stack/index.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { CharterBuilder } from '../support/charter-builder.js';
import { strangersAddress } from '../support/custody-firm.js';
import { knock } from '../support/doors.js';
import { codeOf } from '../support/outcome.js';

jest.setTimeout(120_000); // real processes on a busy machine

/** Two quorums of members have each said yes to another next entry, and whoever carries them shows each signer one. */
describe('two rival entries with all approvals, each in the hands of another signer', () => {
  let alpha: AlphaPayments;
  let rivals: readonly [CharterBuilder, CharterBuilder];
  const destinations = [strangersAddress(), strangersAddress()] as const;
  beforeAll(async () => {
    alpha = await AlphaPayments.start();
    rivals = [CharterBuilder.fork(alpha.charter), CharterBuilder.fork(alpha.charter)];
    rivals.forEach((rival, place) => rival.append(approve(destinations[place]!)));
  }, 200_000);
  afterAll(() => alpha.processes.stop());

  const approve = (address: string): Act => ({
    kind: 'destination.approve',
    id: randomUUID(),
    owner: 'alpha',
    chain: REGTEST,
    address,
    label: 'somebody',
  });
  const bring = async (id: SignerName, entry: CharterEntry): Promise<number> =>
    (await knock(alpha.processes, id, 'POST', '/v1/charter/entries', { entries: [entry] })).status;
  const last = ({ entries }: CharterBuilder): CharterEntry => entries.at(-1)!;
  const asked = async (to: string): Promise<string[]> => {
    const request = alpha.request(alpha.honest(to), { to });
    return [codeOf(await alpha.a.signTransfer(request)), codeOf(await alpha.b.signTransfer(request))];
  };

  it('are each taken where they are the first, and nowhere else', async () => {
    const [ours, theirs] = rivals.map(last);
    expect(last(rivals[0]).intent.sequence).toBe(last(rivals[1]).intent.sequence);
    expect(await bring('signer-a', ours!)).toBe(200);
    expect(await bring('signer-b', theirs!)).toBe(200);
    expect(await bring('signer-a', theirs!)).toBe(409);
    expect(await bring('signer-b', ours!)).toBe(409);
  });

  it('end in no signature: not by either signer, and not even for what both agree on', async () => {
    expect(await asked(alpha.firm.payee.bitcoin)).toEqual(['charter.fork', 'charter.fork']);
    expect(await asked(destinations[0])).toEqual(['charter.fork', 'segregation.unknown-destination']);
    expect(await asked(destinations[1])).toEqual(['segregation.unknown-destination', 'charter.fork']);
  });

  it('are not grown over by what follows one of them', async () => {
    const [ours] = rivals;
    const later = ours.append(approve(strangersAddress()));
    expect(await bring('signer-a', later)).toBe(200);
    const [a, b] = await asked(alpha.firm.payee.bitcoin);
    expect(a).toBe('charter.fork');
    expect(['charter.fork', 'charter.behind']).toContain(b);
  });
});
