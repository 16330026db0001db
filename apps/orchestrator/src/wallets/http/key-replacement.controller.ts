import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { permittedSwap, quorumKeySchema, type CharterState, type SafeWallet } from '@bulkhead/charter';
import { amountSchema, instantSchema, orThrow, refused, RefusalError, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { CharterService } from '../../charter/core/charter.service.js';
import { SwapClaims } from '../../charter/core/swap-claims.js';
import { Starts } from '../../charter/http/starts.js';
import { ApiAnswer } from '../../http/openapi.js';
import { SignersService } from '../../signers/signers.service.js';

const incomingSchema = z.strictObject({
  signer: slugSchema,
  /** 32 random bytes in hex, chosen by whoever is about to propose the key. */
  nonce: z.string().regex(/^[0-9a-f]{64}$/),
});
const incomingViewSchema = z.strictObject({
  key: quorumKeySchema,
  proof: z.strictObject({ nonce: z.string(), signature: z.string() }),
});
const replacementViewSchema = z.strictObject({
  wallet: slugSchema,
  /** Null when no key of the wallet is being replaced. */
  underWay: z
    .strictObject({
      retiring: slugSchema,
      key: quorumKeySchema,
      since: instantSchema,
      /** The one owner swap that the charter permits: addresses. */
      swap: z.strictObject({ previous: z.string(), retiring: z.string(), incoming: z.string() }),
      /** What a `wallet.key-replaced` says, once the swap is settled. */
      executed: z.strictObject({ nonce: amountSchema, safeTxHash: z.string(), transaction: z.string() }).nullable(),
    })
    .nullable(),
});
type ReplacementView = z.infer<typeof replacementViewSchema>;

/** How a Safe's key is exchanged: what the acts of the charter need to be told, and how far it has come. */
@ApiTags('wallets')
@ApiBearerAuth()
@Controller('v1/wallets')
export class KeyReplacementController {
  constructor(
    private readonly charter: CharterService,
    private readonly signers: SignersService,
    private readonly claims: SwapClaims,
  ) {}

  @Post(':id/incoming-keys')
  @Starts('wallet.replace-key')
  @HttpCode(200)
  @ApiAnswer(
    200,
    incomingViewSchema,
    'A signer’s key for a Safe that is there, made in its token, and shown to be held',
  )
  async incoming(
    @Param('id', { schema: slugSchema }) id: string,
    @Body({ schema: incomingSchema }) { signer, nonce }: z.infer<typeof incomingSchema>,
  ): Promise<z.infer<typeof incomingViewSchema>> {
    const { address } = safeOf(await this.charter.required(), id);
    return orThrow(await this.signers.provenKey(signer, { nonce, wallet: id, address }));
  }

  @Get(':id/replacement')
  @ApiAnswer(200, replacementViewSchema, 'The key of a Safe that is being replaced, if one is')
  async replacement(@Param('id', { schema: slugSchema }) id: string): Promise<ReplacementView> {
    const state = await this.charter.required();
    const wallet = safeOf(state, id);
    const underWay = state.replacements.get(id);
    if (!underWay) return { wallet: id, underWay: null };
    const swap = orThrow(permittedSwap(state, wallet));
    const executed = (await this.claims.executed(state, wallet)) ?? null;
    return { wallet: id, underWay: { ...underWay, swap, executed } };
  }
}

function safeOf(state: CharterState, id: string): SafeWallet {
  const wallet = state.wallets.get(id);
  if (wallet?.kind === 'safe') return wallet;
  throw new RefusalError(refused('request.not-found', 'No such Safe.', { wallet: id }).refusal);
}
