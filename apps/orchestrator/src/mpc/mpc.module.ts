import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { MpcGroupsService } from './core/mpc-groups.service.js';
import { MpcController } from './http/mpc.controller.js';

/** Groups of signers that hold one Taproot key in shares. */
@Module({
  imports: [CharterModule, SignersModule],
  controllers: [MpcController],
  providers: [MpcGroupsService],
  exports: [MpcGroupsService],
})
export class MpcModule {}
