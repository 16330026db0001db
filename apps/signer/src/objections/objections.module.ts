import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { Objections } from './core/objections.js';
import { ObjectionRow } from './persistence/objection.entity.js';

/** What members have said against transfers. */
@Module({
  imports: [TypeOrmModule.forFeature([ObjectionRow]), CharterModule],
  providers: [Objections],
  exports: [Objections],
})
export class ObjectionsModule {}
