import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { TransfersModule } from '../transfers/transfers.module.js';
import { PastTransfers } from './core/past-transfers.js';
import { PoliciesService } from './core/policies.service.js';
import { PoliciesController } from './http/policies.controller.js';

@Module({
  imports: [CharterModule, TransfersModule],
  controllers: [PoliciesController],
  providers: [PoliciesService, PastTransfers],
})
export class PoliciesModule {}
