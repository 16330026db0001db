import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CharterModule } from '../charter/charter.module.js';
import { Objections } from './core/objections.js';
import { ObjectionsController } from './http/objections.controller.js';
import { ObjectionRow } from './persistence/objection.entity.js';

/** What members have said against transfers. */
@Module({
  imports: [TypeOrmModule.forFeature([ObjectionRow]), CharterModule],
  controllers: [ObjectionsController],
  providers: [Objections],
  exports: [Objections],
})
export class ObjectionsModule {}
