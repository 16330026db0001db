import { Injectable } from '@nestjs/common';
import { keysAfter, type Act, type CharterState, type Wallet } from '@bulkhead/charter';
import { accepted, type Result } from '@bulkhead/intent';
import { SignersService } from '../../signers/signers.service.js';

/**
 * Whether each signer says that the key which an act would give a wallet is its own. Signers follow an entry that names
 * others, and then sign nothing for the wallet: it would have to be opened anew, under another id.
 */
@Injectable()
export class KeyClaims {
  constructor(private readonly signers: SignersService) {}

  /** Accepted when there is nothing to ask. */
  async check(state: CharterState, act: Act): Promise<Result<true>> {
    const wallet = withNewKeys(state, act.kind === 'break-glass' ? act.act : act);
    const asked = act.kind === 'wallet.replace-key' ? [act.key.signer] : wallet?.keys.map(({ signer }) => signer);
    return wallet && asked ? this.signers.confirmKeys(wallet, asked) : accepted(true);
  }
}

/** The wallet with the keys that come; undefined where none do. */
function withNewKeys({ wallets, resharings }: CharterState, act: Act): Wallet | undefined {
  if (act.kind === 'wallet.open') return act.wallet;
  if (act.kind === 'wallet.replace-key') {
    const wallet = wallets.get(act.wallet);
    return wallet?.kind === 'safe' ? { ...wallet, keys: keysAfter(wallet, act) } : undefined;
  }
  if (act.kind !== 'mpc-wallet.switch') return undefined;
  const wallet = wallets.get(act.wallet);
  const permit = resharings.get(act.wallet)?.permit;
  const keys = act.keys.map(({ signer, publicKey }) => ({ signer, publicKey }));
  return wallet?.kind === 'taproot-mpc' && permit ? { ...wallet, threshold: permit.threshold, keys } : undefined;
}
