import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { sealedKitSchema, sealKit } from '@bulkhead/evidence';
import { slugSchema } from '@bulkhead/intent';
import { CurrentMember } from '../../http/member.js';
import { ApiAnswer } from '../../http/openapi.js';
import { KitsService } from '../core/kits.service.js';

/** What a client, and the firm's safe, keep for the day on which nothing of the firm runs. */
@ApiTags('clients')
@ApiBearerAuth()
@Controller('v1/clients')
export class KitsController {
  constructor(private readonly kits: KitsService) {}

  /** The answer's bytes are the kit's file: `bulkhead verify kit` and `bulkhead recover` take it as it comes. */
  @Get(':id/recovery-kit')
  @Header('content-type', 'application/json; charset=utf-8')
  @Header('content-disposition', 'attachment; filename="recovery-kit.json"')
  @ApiAnswer(200, sealedKitSchema, 'The recovery kit of a client or of the house, as it stands now')
  async kit(@CurrentMember() member: string, @Param('id', { schema: slugSchema }) id: string): Promise<string> {
    return sealKit(await this.kits.kitOf(id, member));
  }
}
