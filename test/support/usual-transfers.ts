import { randomUUID } from 'node:crypto';
import { bitcoinSpec, type BitcoinWallet, type GenesisAct } from '@bulkhead/charter';
import { buildSafeTransfer } from '@bulkhead/ethereum';
import { bitcoinAsset, etherAsset, REGTEST, type AssetId, type Payload, type SafeTx } from '@bulkhead/intent';
import { decideTransfer, NO_HISTORY, transferRequestSchema } from '@bulkhead/policy';
import { ANVIL, CharterBuilder, instant, type TransferOptions, type TransferWish } from './charter-builder.js';
import { forgePsbt, inventCoin, type ForgedInput } from './forged-psbt.js';
import { addressAt, OUTSIDE, safeAddress, SIGNER_RECORDS, usualFirm } from './wallets.js';

export const BTC = bitcoinAsset(REGTEST);
export const ETH = etherAsset(ANVIL);
export const STRANGER = { bitcoin: 'mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8', ethereum: OUTSIDE.otherEthereum };

/** The usual firm with one destination of alpha and one of the house on each chain. */
export function firmWith(genesis: Partial<GenesisAct> = {}): CharterBuilder {
  const firm = usualFirm(CharterBuilder.start(SIGNER_RECORDS, { genesis }));
  for (const owner of ['alpha', 'house']) {
    const common = { kind: 'destination.approve' as const, owner, label: 'bank' };
    firm.append({ ...common, id: randomUUID(), chain: REGTEST, address: OUTSIDE.bitcoin });
    firm.append({ ...common, id: randomUUID(), chain: ANVIL, address: OUTSIDE.ethereum });
  }
  return firm;
}
/** The charter that these payments are made under. Safes of every such firm have the same addresses: same keys. */
export const firm = firmWith();

export const input = (wallet: string, index = 0, amountSat = 100_000n): ForgedInput => {
  const spec = bitcoinSpec(firm.state.wallets.get(wallet) as BitcoinWallet);
  return { spec, coin: inventCoin(spec, amountSat, 0, index) };
};
export const psbt = (inputs: readonly ForgedInput[], ...outputs: readonly (readonly [string, bigint])[]): Payload => ({
  kind: 'psbt',
  chain: REGTEST,
  psbt: forgePsbt(
    inputs,
    outputs.map(([address, amountSat]) => ({ address, amountSat })),
  ),
});
export const ALPHA_CHANGE = addressAt(firm, 'alpha-btc', 1);
/** Alpha's payment of 60 000 sat with a fee of 1 000. */
export const ALPHA_COIN = input('alpha-btc');
export const alphaPays = (to: string = OUTSIDE.bitcoin, change = ALPHA_CHANGE, fee = 1_000n): Payload =>
  psbt([ALPHA_COIN], [to, 60_000n], [change, 40_000n - fee]);
export const BTC_WISH = {
  owner: 'alpha',
  wallet: 'alpha-btc',
  asset: BTC,
  to: OUTSIDE.bitcoin as string,
  amount: '60000',
};

const safeTx = (wallet: string, tx: SafeTx): Payload => ({
  kind: 'safe-tx',
  chain: ANVIL,
  safe: safeAddress(firm, wallet),
  tx,
});
export const safePays = (to: string, asset: AssetId = ETH, amount = 5n, wallet = 'alpha-safe'): Payload =>
  safeTx(wallet, buildSafeTransfer({ asset, to, amount, nonce: 0n }));
export const ETH_WISH = {
  owner: 'alpha',
  wallet: 'alpha-safe',
  asset: ETH,
  to: OUTSIDE.ethereum as string,
  amount: '5',
  maxFee: '0',
};
export const withTx = (changes: Partial<SafeTx>): Payload =>
  safeTx('alpha-safe', {
    ...buildSafeTransfer({ asset: ETH, to: OUTSIDE.ethereum, amount: 5n, nonce: 0n }),
    ...changes,
  });

/** What a signer would answer to this request, fully approved unless told otherwise. */
export const decide = (wish: TransferWish, payload: Payload, options: TransferOptions = {}, by = firm) =>
  decideTransfer(
    by.state,
    transferRequestSchema.parse(by.transferRequest(wish, payload, options)),
    instant(),
    NO_HISTORY,
  );
export const codeOf = (wish: TransferWish, payload: Payload, options: TransferOptions = {}, by = firm): string => {
  const decision = decide(wish, payload, options, by);
  return decision.ok ? 'accepted' : decision.refusal.code;
};
