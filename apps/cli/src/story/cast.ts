import { randomUUID } from 'node:crypto';
import type { Act, Asset, CharterEntry, Wallet } from '@bulkhead/charter';
import { ownerAddress, predictSafeAddress, type SafeContracts } from '@bulkhead/ethereum';
import {
  bitcoinAsset,
  erc20Asset,
  etherAsset,
  REGTEST,
  type AssetId,
  type ChainId,
  type EthereumChainId,
} from '@bulkhead/intent';
import { CustodyClient } from '../api/custody-client.js';
import { developmentDevice } from '../members/development-members.js';
import type { MemberDevice } from '../members/member-device.js';
import { ANVIL_CHAIN_ID, type Stack } from '../stack/index.js';
import type { Narrator } from './narrator.js';
import { until } from './waiting.js';

export const ETHEREUM: EthereumChainId = `eip155:${ANVIL_CHAIN_ID}`;
export const HOUSE = 'house';
export const ALPHA = 'alpha';
export const BETA = 'beta';

const DEPLOYED_WITHIN_MS = 90_000;

/** A key of every signer for a wallet that is about to be proposed. */
interface WalletKeys {
  readonly keys: readonly { readonly signer: string; readonly publicKey: string }[];
}

interface MpcGroup extends WalletKeys {
  readonly threshold: number;
  readonly address: string;
}

/** The members and the assets, and what they do to open owners, wallets and destinations. */
export class Cast {
  readonly olivia: MemberDevice;
  readonly omar: MemberDevice;
  readonly oskar: MemberDevice;
  readonly carla: MemberDevice;
  readonly btc: AssetId = bitcoinAsset(REGTEST);
  readonly eth: AssetId = etherAsset(ETHEREUM);
  readonly tusd: AssetId;

  constructor(
    readonly stack: Stack,
    readonly client: CustodyClient,
    readonly contracts: SafeContracts,
  ) {
    const device = (id: string): MemberDevice => developmentDevice(stack.layout.members, id);
    [this.olivia, this.omar, this.oskar, this.carla] = [
      device('olivia'),
      device('omar'),
      device('oskar'),
      device('carla'),
    ];
    this.tusd = erc20Asset(ETHEREUM, stack.contracts.testToken);
  }

  /** An operator proposes, another operator and the compliance officer approve. */
  enact(act: Act, client?: string): Promise<void> {
    return this.client.enact(act, this.olivia, [this.omar, this.carla], client);
  }

  async listAssets(narrator: Narrator): Promise<void> {
    const assets: Asset[] = [
      { id: this.btc, symbol: 'BTC', decimals: 8 },
      { id: this.eth, symbol: 'ETH', decimals: 18 },
      { id: this.tusd, symbol: 'TUSD', decimals: 18 },
    ];
    for (const asset of assets) {
      await narrator.does(`asset ${asset.symbol} is listed`, 'charter', () =>
        this.enact({ kind: 'asset.list', asset }),
      );
    }
  }

  async openBitcoinWallet(owner: string, id: string): Promise<void> {
    const { keys } = await this.walletKeys(id);
    await this.openWallet(owner, {
      kind: 'bitcoin-multisig',
      id,
      owner,
      chain: REGTEST,
      threshold: 2,
      keys: [...keys],
      recovery: { kind: 'none' },
      recoveryDelayBlocks: 4_320,
      addressWindow: 50,
    });
  }

  /** A Taproot wallet whose key the three signers hold in shares, any two of which sign. @returns its one address */
  async openMpcWallet(owner: string, id: string): Promise<string> {
    const group = await this.client.api.post<MpcGroup>('/v1/mpc-groups', this.olivia.apiToken, {
      wallet: id,
      threshold: 2,
    });
    const { threshold, keys, address } = group;
    await this.openWallet(owner, {
      kind: 'taproot-mpc',
      id,
      owner,
      chain: REGTEST,
      threshold,
      keys: [...keys],
      address,
    });
    return address;
  }

  /** A Safe whose address is known before it is deployed. */
  async openSafe(owner: string, id: string): Promise<string> {
    const { keys } = await this.walletKeys(id);
    const saltNonce = '0';
    const ownerKeys = keys.map((key) => key.publicKey);
    const address = predictSafeAddress({ chain: ETHEREUM, ownerKeys, threshold: 2, saltNonce }, this.contracts);
    await this.openWallet(owner, {
      kind: 'safe',
      id,
      owner,
      chain: ETHEREUM,
      threshold: 2,
      keys: [...keys],
      saltNonce,
      address,
    });
    return address;
  }

  /** Until then nothing answers at its address, though it can be paid: the orchestrator deploys it in its own time. */
  async untilDeployed(safe: string): Promise<void> {
    const code = () => this.stack.anvil.rpc.call<string>('eth_getCode', safe, 'latest');
    await until(
      `the deployment of ${safe}`,
      async () => ((await code()) === '0x' ? undefined : true),
      DEPLOYED_WITHIN_MS,
    );
  }

  /** One key, in the first signer's token, that pays gas for all Safes and can do nothing else. */
  async openGasPayer(id: string): Promise<string> {
    const { keys } = await this.walletKeys(id);
    const [key] = keys;
    if (!key) throw new Error('no signer made a key');
    const address = ownerAddress(key.publicKey);
    await this.openWallet(HOUSE, { kind: 'gas-payer', id, owner: HOUSE, chain: ETHEREUM, keys: [key], address });
    return address;
  }

  async approveDestination(owner: string, chain: ChainId, address: string, label: string): Promise<void> {
    await this.enact({ kind: 'destination.approve', id: randomUUID(), owner, chain, address, label }, clientOf(owner));
  }

  /** A fresh receive address, as a client would ask for one. */
  async freshAddress(wallet: string): Promise<string> {
    const { address } = await this.client.api.post<{ address: string }>(
      `/v1/wallets/${wallet}/addresses`,
      this.olivia.apiToken,
      {},
    );
    return address;
  }

  /** Every wallet of the charter, as its entries have it. */
  async charterWallets(): Promise<Wallet[]> {
    const entries = await this.client.api.get<{ entry: CharterEntry }[]>(
      '/v1/charter/entries?limit=500',
      this.olivia.apiToken,
    );
    return entries.flatMap(({ entry }) => (entry.intent.act.kind === 'wallet.open' ? [entry.intent.act.wallet] : []));
  }

  private walletKeys(wallet: string): Promise<WalletKeys> {
    return this.client.api.post<WalletKeys>('/v1/wallet-keys', this.olivia.apiToken, { wallet });
  }

  private openWallet(owner: string, wallet: Extract<Act, { kind: 'wallet.open' }>['wallet']): Promise<void> {
    return this.enact({ kind: 'wallet.open', wallet }, clientOf(owner));
  }
}

/** Acts about a client stand on that client's chain; those about the house on the firm's. */
const clientOf = (owner: string): string | undefined => (owner === HOUSE ? undefined : owner);
