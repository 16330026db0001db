import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { refused, RefusalError, slugSchema, uuidSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { ApiAnswer } from '../../http/openapi.js';
import { IncidentsService } from '../core/incidents.service.js';
import { INCIDENT_STATUSES } from '../persistence/entities.js';
import { incidentView, incidentViewSchema, type IncidentView } from './views.js';

const filterSchema = z.strictObject({
  owner: slugSchema.optional(),
  wallet: slugSchema.optional(),
  status: z.enum(INCIDENT_STATUSES).optional(),
});

/** What a person must look into: quarantined deposits, unexplained spends, differences from a chain. */
@ApiTags('incidents')
@ApiBearerAuth()
@Controller('v1/incidents')
export class IncidentsController {
  constructor(private readonly incidents: IncidentsService) {}

  @Get()
  @ApiAnswer(200, z.array(incidentViewSchema), 'Incidents, newest first')
  async list(@Query({ schema: filterSchema }) filter: z.infer<typeof filterSchema>): Promise<IncidentView[]> {
    return (await this.incidents.list(filter)).map(incidentView);
  }

  @Get(':id')
  @ApiAnswer(200, incidentViewSchema, 'One incident')
  async incident(@Param('id', { schema: uuidSchema }) id: string): Promise<IncidentView> {
    const row = await this.incidents.find(id);
    if (!row) throw new RefusalError(refused('request.not-found', 'No such incident.', { incident: id }).refusal);
    return incidentView(row);
  }
}
