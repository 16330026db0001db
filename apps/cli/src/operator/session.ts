import type { Digest } from '@bulkhead/intent';
import { ApiClient } from '../api/api-client.js';
import { CustodyClient } from '../api/custody-client.js';
import type { MemberDevice } from '../members/member-device.js';
import type { AssetView } from '../story/ending.js';
import { workplace } from './workplace.js';

/** A member at work on a firm: the one of {@link workplace}. */
export interface Session {
  readonly device: MemberDevice;
  readonly client: CustodyClient;
  readonly assets: readonly AssetView[];
  /** Hash of the genesis entry that this place was given. */
  readonly firm: Digest;
}

/** Of every command: who acts. */
export interface As {
  readonly as?: string;
}
export const AS = ['--as <member>', 'who acts; by default the first member whose device is here'] as const;

/** @throws Failure when no stack runs or this member's device is not here */
export async function openSession(member?: string): Promise<Session> {
  const { url, firm, members, device: deviceOf } = workplace();
  const device = deviceOf(member ?? members[0] ?? '');
  const client = new CustodyClient(new ApiClient(url));
  const assets = await client.api.get<AssetView[]>('/v1/assets', device.apiToken);
  return { device, client, assets, firm };
}

/** Who approves at once: those who are named, or on the development firm, where one person plays all, the usual ones. */
export function approversAtOnce(named: string | undefined, usual: string): string[] {
  const members = named ?? (workplace().development ? usual : '');
  return members
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
