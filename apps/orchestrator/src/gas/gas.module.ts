import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { SignersModule } from '../signers/signers.module.js';
import { WalletsModule } from '../wallets/wallets.module.js';
import { GasPayerService } from './gas-payer.service.js';
import { SafeDeployment } from './safe-deployment.js';

@Module({
  imports: [CharterModule, DecisionsModule, SignersModule, WalletsModule],
  providers: [GasPayerService, SafeDeployment],
  exports: [GasPayerService, SafeDeployment],
})
export class GasModule {}
