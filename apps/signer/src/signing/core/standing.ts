import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { checkSettled, type ChainName, type CharterState, type Head } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';
import { LocalFreeze } from './local-freeze.js';

/** At one moment: by which charter this signer decides, or why it decides nothing. */
export interface Moment {
  readonly at: string;
  readonly heads: Readonly<Record<ChainName, Head>>;
  readonly state: Result<CharterState>;
}

/** Whether this signer may decide at all. */
@Injectable()
export class Standing implements OnApplicationBootstrap {
  private serial: string | undefined;

  constructor(
    private readonly charter: CharterReplica,
    private readonly identity: SignerIdentity,
    private readonly freeze: LocalFreeze,
    private readonly keys: WalletKeys,
    private readonly clock: Clock,
  ) {}

  /** Of the token as it was at the start: asking it for each request would make all wait for a token that hangs. */
  async onApplicationBootstrap(): Promise<void> {
    await this.tokenSerial();
  }

  async now(chains: readonly ChainName[]): Promise<Moment> {
    const state = await this.state();
    const known = state.ok ? state.value.heads : undefined;
    const heads = chains.flatMap((chain) => {
      const head = known?.get(chain);
      return head ? [[chain, head] as const] : [];
    });
    return { at: this.clock.now(), heads: Object.fromEntries(heads), state };
  }

  /** By which charter this signer signs and deals shares: one that is settled, and that it is in service by. */
  async state(): Promise<Result<CharterState>> {
    const settled = this.settled();
    return settled.ok ? this.inService() : settled;
  }

  /** By which charter this signer makes keys and shows that it holds them: one that names it, with the token that it has. */
  async inService(): Promise<Result<CharterState>> {
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const state = this.charter.current();
    if (!state.ok) return state;
    const inService = await this.checkInService(state.value);
    return inService.ok ? state : inService;
  }

  /**
   * By which charter this signer destroys, also when it is retired: not while its operator has frozen it, nor while an act
   * is in force too soon by its own clock.
   */
  settled(): Result<CharterState> {
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const state = this.charter.current();
    if (!state.ok) return state;
    const settled = checkSettled(state.value, this.clock.now());
    return settled.ok ? state : settled;
  }

  /** The charter names this signer, with its certificate and its token, and has not retired it. */
  private async checkInService({ signers }: CharterState): Promise<Result<true>> {
    const { id, tlsFingerprint } = this.identity;
    const own = signers.get(id);
    if (own?.tlsFingerprint !== tlsFingerprint)
      return refused('charter.unknown-signer', 'The charter does not name this signer with its certificate.', {
        signer: id,
        tlsFingerprint,
      });
    if (own.retired) return refused('charter.signer-retired', 'The charter has retired this signer.', { signer: id });
    if (own.tokenSerial === undefined) return accepted(true);
    const serial = await this.tokenSerial();
    if (!serial.ok) return serial;
    return serial.value === own.tokenSerial.trim()
      ? accepted(true)
      : refused('signer.wrong-token', 'The charter names another token for this signer.', {
          signer: id,
          serial: serial.value,
          charter: own.tokenSerial,
        });
  }

  private async tokenSerial(): Promise<Result<string>> {
    if (this.serial !== undefined) return accepted(this.serial);
    const token = await this.keys.tokenInfo();
    if (!token.ok) return token;
    this.serial = token.value.serial.trim();
    return accepted(this.serial);
  }
}
