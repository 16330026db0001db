import { Module } from '@nestjs/common';
import { CharterModule } from '../charter/charter.module.js';
import { ObjectionsModule } from '../objections/objections.module.js';
import { SigningModule } from '../signing/signing.module.js';
import { TokenMemoryModule } from '../token-memory/token-memory.module.js';
import { PeerAnswers } from './core/peer-answers.js';
import { HeadsWitness } from './core/signed-heads.js';
import { Door } from './http/door.js';

/** What anybody may bring or ask, over a listener of its own. */
@Module({
  imports: [CharterModule, ObjectionsModule, SigningModule, TokenMemoryModule],
  providers: [Door, PeerAnswers, HeadsWitness],
})
export class DoorModule {}
