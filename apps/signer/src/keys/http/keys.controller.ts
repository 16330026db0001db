import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { walletSchema, type Wallet } from '@bulkhead/charter';
import { controlStatementSchema, type ControlStatement, type KeyAttributes } from '@bulkhead/keys';
import { orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { OwnKeys } from '../../charter/core/own-keys.js';
import { Proofs } from '../../key-life/core/proofs.js';
import { KeyRecords } from '../../key-life/persistence/key-records.js';
import { SignerIdentity } from '../../signer-identity.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';
import { WalletKeys } from '../core/wallet-keys.js';

const newKeySchema = z.strictObject({ wallet: slugSchema });

interface KeyAnswer {
  readonly signer: string;
  readonly wallet: string;
  /** Compressed point of secp256k1, hex. */
  readonly publicKey: string;
  /** Read back from the token: sensitive, not extractable, made inside it. */
  readonly attributes: KeyAttributes;
}

interface ProofAnswer {
  readonly signer: string;
  readonly wallet: string;
  /** r || s over the statement's digest, 64 bytes in hex. */
  readonly signature: string;
}

@Controller('v1/keys')
export class KeysController {
  constructor(
    private readonly keys: WalletKeys,
    private readonly ownKeys: OwnKeys,
    private readonly proofs: Proofs,
    private readonly records: KeyRecords,
    private readonly memory: TokenMemory,
    private readonly identity: SignerIdentity,
  ) {}

  /** Makes this signer's key of a wallet, or names the one it made. A key holds nothing until a charter entry says so. */
  @Post()
  @HttpCode(200)
  async generate(@Body({ schema: newKeySchema }) { wallet }: z.infer<typeof newKeySchema>): Promise<KeyAnswer> {
    orThrow(await this.proofs.checkMayMake(wallet));
    orThrow(await this.memory.cover()); // of two copies of a signer, only the one that has the token makes keys
    const { key, isNew } = orThrow(await this.keys.generate(wallet));
    await this.records.made(wallet, key, isNew);
    const { publicKey, attributes } = key;
    return { signer: this.identity.id, wallet, publicKey, attributes };
  }

  /** Says whether the key or share that a wallet would name for this signer is its own: `charter.key-not-held` if not. */
  @Post('confirmations')
  @HttpCode(200)
  async confirm(@Body({ schema: walletSchema }) wallet: Wallet): Promise<{ readonly held: true }> {
    return { held: orThrow(await this.ownKeys.offer(wallet)) };
  }

  /** Shows that this signer holds its key of a wallet now, for a nonce and an address of whoever asks. */
  @Post('proofs')
  @HttpCode(200)
  async prove(@Body({ schema: controlStatementSchema }) statement: ControlStatement): Promise<ProofAnswer> {
    const signature = orThrow(await this.proofs.ofKey(statement));
    const { wallet } = statement;
    return { signer: this.identity.id, wallet, signature: Buffer.from(signature).toString('hex') };
  }
}
