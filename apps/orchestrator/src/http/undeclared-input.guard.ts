import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { refused, RefusalError } from '@bulkhead/intent';
import type { FastifyRequest } from 'fastify';

/** Schemas refuse unknown fields where a route takes a query or a body; this refuses the whole where it takes none. */
@Injectable()
export class UndeclaredInputGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query, body } = context.switchToHttp().getRequest<FastifyRequest>();
    if (hasFields(query) && !takes(context, RouteParamtypes.QUERY)) throw undeclared('query');
    if (hasFields(body) && !takes(context, RouteParamtypes.BODY)) throw undeclared('body');
    return true;
  }
}

/** A value that is no object is a field too; an empty object says nothing. */
const hasFields = (input: unknown): boolean =>
  input !== undefined && input !== null && (typeof input !== 'object' || Object.keys(input).length > 0);

/** Nest keeps a handler's arguments under `<type>:<position>`. */
function takes(context: ExecutionContext, type: RouteParamtypes): boolean {
  const args: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name);
  return Object.keys(args ?? {}).some((key) => key.startsWith(`${type}:`));
}

const undeclared = (what: string): RefusalError =>
  new RefusalError(refused('request.malformed', `This route takes no ${what}.`).refusal);
