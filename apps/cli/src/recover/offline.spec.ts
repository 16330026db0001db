import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WebauthnKey } from '@bulkhead/approval';
import type { Act } from '@bulkhead/charter';
import { buildKit, openKit, sealKit, type OpenedKit } from '@bulkhead/evidence';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { attestPrice } from '../../../../test/support/attestors.js';
import { instant, makeMember, publicPart, type TestMember } from '../../../../test/support/members.js';
import { alphaPays, BTC, BTC_WISH, firmWith, STRANGER } from '../../../../test/support/usual-transfers.js';
import { warningsOf } from './kit-command.js';
import { OfflineMember } from './member.js';
import { approveAct, enact, proposeAct } from './offline-act.js';
import { checkNow, withAttested } from './sweep.js';

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-offline-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const written = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};

describe('an act of the charter while nothing of the firm runs', () => {
  const firm = firmWith({ rules: { delaySeconds: { 'limits.raise': 600 } } });
  firm.append({ kind: 'freeze', scope: { of: 'wallet', wallet: 'alpha-btc' }, reason: 'a claim' });
  const { olivia, omar, carla } = firm.members;
  const opened = (text: string): OpenedKit => orThrow(openKit(text, firm.firm));
  const kit = opened(sealKit(orThrow(buildKit(firm.entries, firm.firm, 'alpha', [], instant()))));
  const at = ({ id, privateKeyPem }: TestMember): Promise<OfflineMember> =>
    OfflineMember.of(kit.state, id, written(`${id}.pem`, privateKeyPem));
  const unfreeze: Act = { kind: 'unfreeze', scope: { of: 'wallet', wallet: 'alpha-btc' } };

  it('is in force in the kit once its quorum has approved it, and not before', async () => {
    const once = approveAct(await at(omar), proposeAct(kit.state, await at(olivia), unfreeze));
    expect(() => enact(kit, once)).toThrow('approval.quorum-not-met');
    const next = opened(sealKit(enact(kit, approveAct(await at(carla), once))));
    expect([kit.state.frozen.has('wallet:alpha-btc'), next.state.frozen.has('wallet:alpha-btc')]).toEqual([
      true,
      false,
    ]);
    expect(next.kit.charter).toHaveLength(kit.kit.charter.length + 1);
    expect(() => enact(next, once)).toThrow('charter.rollback');
  });

  it('can approve a destination, on the client’s own chain', async () => {
    const id = crypto.randomUUID();
    const refuge = { owner: 'alpha', chain: REGTEST, address: STRANGER.bitcoin, label: 'refuge' };
    const proposed = proposeAct(kit.state, await at(olivia), { kind: 'destination.approve', id, ...refuge });
    const next = enact(kit, approveAct(await at(carla), approveAct(await at(omar), proposed)));
    expect(next.destinations.filter(({ label }) => label === 'refuge')).toHaveLength(1);
    expect(next.heads['client:alpha']?.sequence).toBe(kit.kit.heads['client:alpha']!.sequence + 1);
  });

  it('waits out its delay, and is of those who may start it', async () => {
    const limits = { ...kit.state.limits, maxFeeRateSatVb: kit.state.limits.maxFeeRateSatVb + 1 };
    const proposed = proposeAct(kit.state, await at(olivia), { kind: 'limits.set', limits });
    const next = opened(sealKit(enact(kit, approveAct(await at(carla), approveAct(await at(omar), proposed)))));
    expect([next.state.pending.size, next.state.limits]).toEqual([1, kit.state.limits]);
    const officer = await at(carla);
    expect(() => proposeAct(kit.state, officer, unfreeze)).toThrow('approval.not-eligible');
  });
});

describe('a request that a policy asks a price of', () => {
  const firm = firmWith();
  const ticker = makeMember('ticker', 'attestor');
  firm.append({ kind: 'member.enrol', member: publicPart(ticker) });
  const text =
    'forbid (principal, action == Action::"transfer", resource) when { context has amountReference && context.amountReference > 6000 };';
  firm.append({ kind: 'policy.set', id: 'limit', text, owner: null, wallet: null });
  const request = firm.transferRequest(BTC_WISH, alphaPays());
  const priceFile = (priceMicros: string): string =>
    written('price.json', JSON.stringify(attestPrice(ticker, firm.firm, { asset: BTC, priceMicros })));

  it('is permitted with the attestation from a file, and not without', () => {
    expect(checkNow(firm.state, request)).toMatchObject({ ok: false, refusal: { code: 'policy.error' } });
    const attested = withAttested(firm.state, request, [priceFile('100000000000')]);
    expect(checkNow(firm.state, attested).ok).toBe(true);
    const dearer = withAttested(firm.state, attested, [priceFile('900000000000')]);
    expect(dearer.attestations).toHaveLength(1);
    expect(checkNow(firm.state, dearer)).toMatchObject({ ok: false, refusal: { code: 'policy.forbidden' } });
  });
});

it('warns of members who could do nothing in a recovery: those who have passkeys only', () => {
  const { olivia } = firmWith().members;
  const passkey: WebauthnKey = {
    id: 'phone',
    scheme: 'webauthn',
    publicKey: '04',
    credentialId: 'x',
    rpId: 'bank.example',
    origins: ['https://bank.example'],
    userVerification: 'required',
  };
  const both = { ...publicPart(olivia), id: 'both', keys: [...olivia.keys, passkey] };
  const only = { ...both, id: 'only', keys: [passkey] };
  const members = new Map([both, only].map((member) => [member.id, member]));
  expect(warningsOf({ members })).toEqual([expect.stringMatching(/^only has passkeys only/)]);
});
