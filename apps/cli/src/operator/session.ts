import { stateFolder } from '#bootstrap/project.mjs';
import { entryHash } from '@bulkhead/charter';
import type { Digest } from '@bulkhead/intent';
import { ApiClient } from '../api/api-client.js';
import { CustodyClient } from '../api/custody-client.js';
import { developmentDevice } from '../members/development-members.js';
import type { MemberDevice } from '../members/member-device.js';
import { readGenesis } from '../setup/genesis.js';
import { Failure, layoutOf, readRunningStack } from '../stack/index.js';
import type { AssetView } from '../story/ending.js';

/** A member of the development firm at work on the stack that `up` started. */
export interface Session {
  readonly device: MemberDevice;
  readonly client: CustodyClient;
  readonly assets: readonly AssetView[];
  /** Hash of the genesis entry that the ceremony left on this machine. */
  readonly firm: Digest;
}

/** @throws Failure when no stack runs or there is no such member */
export async function openSession(member: string): Promise<Session> {
  const layout = layoutOf(process.env['BULKHEAD_STATE'] || stateFolder);
  const url = readRunningStack(layout)?.urls.orchestrator;
  if (!url) throw new Failure('No stack is running here.', 'Start it first: npm run up');
  const device = developmentDevice(layout.members, member);
  const client = new CustodyClient(new ApiClient(url));
  const assets = await client.api.get<AssetView[]>('/v1/assets', device.apiToken);
  return { device, client, assets, firm: entryHash(readGenesis(layout.genesis)) };
}
