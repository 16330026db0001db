import type { CustodyClient } from '../api/custody-client.js';
import type { MemberDevice } from '../members/member-device.js';
import { until } from './waiting.js';

/** The address of a Safe, which is shown once its keys have proven that they are held: soon after its opening. */
export const issuedAddress = (client: CustodyClient, device: MemberDevice, wallet: string): Promise<string> =>
  until(`the address of ${wallet}`, async () => {
    const { address } = await client.api.get<{ address: string | null }>(`/v1/wallets/${wallet}`, device.apiToken);
    return address ?? undefined;
  });
