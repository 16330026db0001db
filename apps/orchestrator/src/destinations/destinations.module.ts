import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { TestPayments } from './core/test-payments.js';
import { DestinationsController } from './http/destinations.controller.js';

@Module({
  imports: [CharterModule],
  controllers: [DestinationsController],
  providers: [TestPayments],
})
export class DestinationsModule {}
