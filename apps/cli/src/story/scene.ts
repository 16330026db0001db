import { REGTEST } from '@bulkhead/intent';
import type { BitcoinRpc } from '../stack/index.js';
import { ALPHA, BETA, Cast, ETHEREUM, HOUSE } from './cast.js';
import type { Narrator } from './narrator.js';
import { issuedAddress } from './issued-address.js';

/** Where everybody is: what the later chapters name. */
export interface Scene {
  /** Places of the outside world that the clients have had approved. */
  readonly alphaBitcoinDestination: string;
  readonly alphaEthereumDestination: string;
  readonly betaEthereumDestination: string;
  /** An address of the outside world that nobody has approved. */
  readonly strangerBitcoin: string;
  readonly alphaSafe: string;
  readonly betaSafe: string;
  readonly gasPayer: string;
  /** The house's own wallet elsewhere: declared, so that it can never touch a client. */
  readonly treasury: BitcoinRpc;
  readonly treasuryAddress: string;
}

/** Of the node: the house's own wallet elsewhere. */
export const TREASURY_WALLET = 'house-treasury';
const GAS_FUND_WEI = 10n ** 18n;

/** House and clients, their wallets, and the destinations they have had approved: each a signed, approved charter entry. */
export async function setTheScene(cast: Cast, narrator: Narrator): Promise<Scene> {
  narrator.chapter('The firm opens its books: every line below is a charter entry with its quorum');
  const { stack } = cast;
  await narrator.does('the house is opened', 'charter', () =>
    cast.enact({ kind: 'house.open', owner: { id: HOUSE, name: 'The house' } }),
  );
  await cast.listAssets(narrator);
  const { treasury, treasuryAddress } = await declareTreasury(cast, narrator);
  const gasPayer = await narrator.does('the house’s gas payer, one key in the token of signer-a', 'charter', () =>
    cast.openGasPayer('house-gas'),
  );
  const { anvil } = stack;
  const [outside] = anvil.accounts;
  if (!outside) throw new Error('the node holds no accounts');
  await anvil.rpc.send({ from: outside, to: gasPayer, valueWei: GAS_FUND_WEI });
  await openWallets(cast, narrator, HOUSE, 'The house');
  for (const [id, name] of [
    [ALPHA, 'Alpha'],
    [BETA, 'Beta'],
  ] as const) {
    await narrator.does(`client ${name} is opened, on a chain of its own`, 'charter', () =>
      cast.enact({ kind: 'client.open', owner: { id, name } }, id),
    );
    await openWallets(cast, narrator, id, name);
  }
  const alphaBitcoinDestination = await stack.bitcoind.faucet.address();
  const [, , alphaEthereumDestination, betaEthereumDestination] = anvil.accounts;
  if (!alphaEthereumDestination || !betaEthereumDestination) throw new Error('the node holds too few accounts');
  await narrator.does('Alpha’s Bitcoin and Ethereum destinations are approved', 'charter', async () => {
    await cast.approveDestination(ALPHA, REGTEST, alphaBitcoinDestination, 'Alpha at its bank');
    await cast.approveDestination(ALPHA, ETHEREUM, alphaEthereumDestination, 'Alpha at its broker');
  });
  await narrator.does('Beta’s Ethereum destination is approved', 'charter', () =>
    cast.approveDestination(BETA, ETHEREUM, betaEthereumDestination, 'Beta at its broker'),
  );
  return {
    alphaBitcoinDestination,
    alphaEthereumDestination,
    betaEthereumDestination,
    strangerBitcoin: await stack.bitcoind.faucet.address(),
    alphaSafe: await issuedAddress(cast.client, cast.olivia, 'alpha-eth'),
    betaSafe: await issuedAddress(cast.client, cast.olivia, 'beta-eth'),
    gasPayer,
    treasury,
    treasuryAddress,
  };
}

async function openWallets(cast: Cast, narrator: Narrator, owner: string, name: string): Promise<void> {
  await narrator.does(`${name}: Bitcoin wallet, 2 of 3 keys, each made in its own token`, 'charter, 3 signers', () =>
    cast.openBitcoinWallet(owner, `${owner}-btc`),
  );
  await narrator.does(`${name}: Safe, 2 of 3 owners in tokens, address known in advance`, 'charter, 3 signers', () =>
    cast.openSafe(owner, `${owner}-eth`),
  );
}

async function declareTreasury(
  cast: Cast,
  narrator: Narrator,
): Promise<{ treasury: BitcoinRpc; treasuryAddress: string }> {
  const { rpc } = cast.stack.bitcoind;
  await rpc.call('createwallet', TREASURY_WALLET);
  const treasury = rpc.withWallet(TREASURY_WALLET);
  const treasuryAddress = await treasury.call<string>('getnewaddress', '', 'bech32');
  await narrator.does('the house’s treasury address elsewhere is declared proprietary', 'charter', () =>
    cast.enact({
      kind: 'proprietary-address.declare',
      owner: HOUSE,
      chain: REGTEST,
      address: treasuryAddress,
      label: 'House treasury',
    }),
  );
  return { treasury, treasuryAddress };
}
