import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { canonicalAddress, isFirmChain, ownershipMessage } from '@bulkhead/charter';
import { chainIdSchema, orThrow, refused, RefusalError, slugSchema, textSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { CharterService } from '../../charter/core/charter.service.js';
import { ApiAnswer } from '../../http/openapi.js';
import { TestPayments, triedKey } from '../core/test-payments.js';
import { destinationView, destinationViewSchema, ownershipMessageSchema, type DestinationView } from './views.js';

const byOwnerSchema = z.strictObject({ owner: slugSchema.optional() });
const addressSchema = z.strictObject({ chain: chainIdSchema, address: textSchema.max(120) });

/** Where clients are paid out to: each an entry of the charter, that cools before it is usable and can be revoked. */
@ApiTags('destinations')
@ApiBearerAuth()
@Controller('v1')
export class DestinationsController {
  constructor(
    private readonly charter: CharterService,
    private readonly testPayments: TestPayments,
  ) {}

  @Get('destinations')
  @ApiAnswer(200, z.array(destinationViewSchema), 'Destinations, of one owner or of all, those that were revoked too')
  async destinations(
    @Query({ schema: byOwnerSchema }) { owner }: z.infer<typeof byOwnerSchema>,
  ): Promise<DestinationView[]> {
    const { destinations, revokedDestinations } = await this.charter.required();
    const tried = await this.testPayments.settled();
    const at = new Date().toISOString();
    return [...[...destinations.values()].flatMap((byOwner) => [...byOwner.values()]), ...revokedDestinations.values()]
      .filter((destination) => owner === undefined || destination.owner === owner)
      .map((one) => destinationView(one, tried.get(triedKey(one.owner, one.chain, one.address)) ?? null, at));
  }

  /** The text for the holder of an address to sign; the signature goes into `destination.approve` as its proof. */
  @Get('owners/:id/destinations/ownership-message')
  @ApiAnswer(200, ownershipMessageSchema, 'One fixed text for this firm, owner and address')
  async ownershipMessage(
    @Param('id', { schema: slugSchema }) id: string,
    @Query({ schema: addressSchema }) { chain, address: text }: z.infer<typeof addressSchema>,
  ): Promise<z.infer<typeof ownershipMessageSchema>> {
    const state = await this.charter.required();
    if (!state.owners.has(id)) {
      throw new RefusalError(refused('request.not-found', 'No such owner.', { owner: id }).refusal);
    }
    if (!isFirmChain(state.genesis, chain)) {
      throw new RefusalError(refused('address.wrong-network', 'Not a chain of this firm.', { chain }).refusal);
    }
    const address = orThrow(canonicalAddress(chain, text));
    return { address, message: ownershipMessage(state.firm, id, chain, address) };
  }
}
