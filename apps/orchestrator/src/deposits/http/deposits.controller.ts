import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { refused, RefusalError, slugSchema, uuidSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { DepositsService } from '../core/deposits.service.js';
import { DEPOSIT_STATUSES } from '../persistence/entities.js';
import { depositView, depositViewSchema, type DepositView } from './views.js';

const filterSchema = z.strictObject({
  owner: slugSchema.optional(),
  wallet: slugSchema.optional(),
  status: z.enum(DEPOSIT_STATUSES).optional(),
});

/** What arrived in wallets from outside. */
@ApiTags('deposits')
@ApiBearerAuth()
@Controller('v1/deposits')
export class DepositsController {
  constructor(private readonly deposits: DepositsService) {}

  @Get()
  @ApiAnswer(200, z.array(depositViewSchema), 'Deposits, newest first')
  async list(@Query({ schema: filterSchema }) filter: z.infer<typeof filterSchema>): Promise<DepositView[]> {
    return (await this.deposits.list(filter)).map(depositView);
  }

  @Get(':id')
  @ApiAnswer(200, depositViewSchema, 'One deposit')
  async deposit(@Param('id', { schema: uuidSchema }) id: string): Promise<DepositView> {
    const found = await this.deposits.find(id);
    if (!found) throw new RefusalError(refused('request.not-found', 'No such deposit.', { deposit: id }).refusal);
    return depositView(found);
  }
}
