import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { CharterState } from '@bulkhead/charter';
import { orThrow, refused, RefusalError, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { CharterService } from '../../charter/core/charter.service.js';
import { Starts } from '../../charter/http/starts.js';
import { ApiAnswer } from '../../http/openapi.js';
import { SignersService } from '../../signers/signers.service.js';
import { AddressesService, CHANGE, RECEIVE } from '../core/addresses.service.js';
import { IssuanceService } from '../core/issuance.service.js';
import {
  addressView,
  addressViewSchema,
  assetViewSchema,
  ownerViewSchema,
  walletView,
  walletViewSchema,
  type AddressView,
  type WalletView,
} from './views.js';

const idSchema = slugSchema;
const byOwnerSchema = z.strictObject({ owner: slugSchema.optional() });
const issueSchema = z.strictObject({ branch: z.enum(['receive', 'change']).default('receive') });
const walletKeysSchema = z.strictObject({
  wallet: slugSchema,
  /** Whose keys; of every signer in service where it is not named. */
  signers: z.array(slugSchema).min(1).max(9).optional(),
});
const walletKeysViewSchema = z.strictObject({
  wallet: slugSchema,
  keys: z.array(z.strictObject({ signer: slugSchema, publicKey: z.string() })),
});

/** What the charter says of owners, assets and wallets, and the addresses that wallets issue. */
@ApiTags('wallets')
@ApiBearerAuth()
@Controller('v1')
export class WalletsController {
  constructor(
    private readonly charter: CharterService,
    private readonly addresses: AddressesService,
    private readonly signers: SignersService,
    private readonly issuance: IssuanceService,
  ) {}

  @Get('owners')
  @ApiAnswer(200, z.array(ownerViewSchema), 'Clients and house entities')
  async owners(): Promise<z.infer<typeof ownerViewSchema>[]> {
    return [...(await this.charter.required()).owners.values()];
  }

  @Get('assets')
  @ApiAnswer(200, z.array(assetViewSchema), 'Assets that the charter lists')
  async assets(): Promise<z.infer<typeof assetViewSchema>[]> {
    return [...(await this.charter.required()).assets.values()];
  }

  @Get('wallets')
  @ApiAnswer(200, z.array(walletViewSchema), 'Wallets, of one owner or of all')
  async wallets(@Query({ schema: byOwnerSchema }) query: z.infer<typeof byOwnerSchema>): Promise<WalletView[]> {
    const state = await this.charter.required();
    const wallets = [...state.wallets.values()].filter((wallet) => !query.owner || wallet.owner === query.owner);
    const issuing = await this.addresses.issuingWallets();
    return wallets.map((wallet) => walletView(state, wallet, issuing.has(wallet.id)));
  }

  @Get('wallets/:id')
  @ApiAnswer(200, walletViewSchema, 'One wallet')
  async wallet(@Param('id', { schema: idSchema }) id: string): Promise<WalletView> {
    const state = await this.charter.required();
    const isIssued = (await this.addresses.issued(id)).length > 0;
    return walletView(state, existing(state, id), isIssued);
  }

  @Get('wallets/:id/addresses')
  @ApiAnswer(200, z.array(addressViewSchema), 'The addresses issued so far')
  async issued(@Param('id', { schema: idSchema }) id: string): Promise<AddressView[]> {
    existing(await this.charter.required(), id);
    return (await this.addresses.issued(id)).map(addressView);
  }

  /**
   * A fresh address of a Bitcoin wallet; the one address of an account. It is shown only when as many keys as it takes to
   * spend from it have just shown that they are held; of an MPC wallet, as many shares.
   */
  @Post('wallets/:id/addresses')
  @Starts('transfer.PAYMENT', 'wallet.open')
  @ApiAnswer(201, addressViewSchema, 'The address, in the registry before it is shown')
  async issue(
    @Param('id', { schema: idSchema }) id: string,
    @Body({ schema: issueSchema }) body: z.infer<typeof issueSchema>,
  ): Promise<AddressView> {
    return addressView(await this.issuance.issue(id, body.branch === 'change' ? CHANGE : RECEIVE));
  }

  /** Has signers generate their keys for a wallet that is to be proposed. Asked again, it gives the same keys. */
  @Post('wallet-keys')
  @Starts('wallet.open')
  @HttpCode(200)
  @ApiAnswer(200, walletKeysViewSchema, 'One public key of each signer')
  async keys(
    @Body({ schema: walletKeysSchema }) body: z.infer<typeof walletKeysSchema>,
  ): Promise<z.infer<typeof walletKeysViewSchema>> {
    const { signers } = await this.charter.required();
    const live = [...signers.values()].filter(({ retired }) => !retired).map(({ id }) => id);
    const keys = orThrow(await this.signers.generateKeys(body.wallet, body.signers ?? live));
    return { wallet: body.wallet, keys: keys.map(({ signer, publicKey }) => ({ signer, publicKey })) };
  }
}

function existing(state: CharterState, id: string): NonNullable<ReturnType<CharterState['wallets']['get']>> {
  const wallet = state.wallets.get(id);
  if (!wallet) throw new RefusalError(refused('request.not-found', 'No such wallet.', { wallet: id }).refusal);
  return wallet;
}
