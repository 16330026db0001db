import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { controlStatementSchema, type ControlStatement, type FrostGroup } from '@bulkhead/keys';
import { orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { SignerIdentity } from '../../signer-identity.js';
import { KeyDestruction } from '../core/key-destruction.js';
import { KeyInventory, type KeyReport } from '../core/key-inventory.js';
import { Proofs } from '../core/proofs.js';

const destructionSchema = z.strictObject({ wallet: slugSchema, publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/) });

interface ShareProofAnswer {
  readonly signer: string;
  readonly wallet: string;
  readonly group: FrostGroup;
  /** BIP-340 under this signer's verifying share, 64 bytes in hex. */
  readonly signature: string;
}

/** What becomes of keys after they were made. None of it is the caller's to decide. */
@Controller('v1')
export class KeyLifeController {
  constructor(
    private readonly destruction: KeyDestruction,
    private readonly inventory: KeyInventory,
    private readonly proofs: Proofs,
    private readonly identity: SignerIdentity,
  ) {}

  @Get('keys')
  async report(): Promise<KeyReport & { readonly signer: string }> {
    return { signer: this.identity.id, ...orThrow(await this.inventory.report()) };
  }

  /** Waits until a key is destroyed that the charter says is destroyed; refuses any other. */
  @Post('keys/destructions')
  @HttpCode(200)
  async destroy(
    @Body({ schema: destructionSchema }) { wallet, publicKey }: z.infer<typeof destructionSchema>,
  ): Promise<{ readonly destroyed: true }> {
    const signer = this.identity.id;
    return { destroyed: orThrow(await this.destruction.destroy({ wallet, signer, publicKey })) };
  }

  /** Shows that this signer holds its share of an MPC wallet's key now. */
  @Post('mpc/proofs')
  @HttpCode(200)
  async proveShare(@Body({ schema: controlStatementSchema }) statement: ControlStatement): Promise<ShareProofAnswer> {
    const { group, signature } = orThrow(await this.proofs.ofShare(statement));
    const { wallet } = statement;
    return { signer: this.identity.id, wallet, group, signature: Buffer.from(signature).toString('hex') };
  }
}
