import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { TokenMemory } from './core/token-memory.js';

/** What the token remembers, so that no older database and no second copy signs. */
@Module({ imports: [KeysModule], providers: [TokenMemory], exports: [TokenMemory] })
export class TokenMemoryModule {}
