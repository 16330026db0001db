import { createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

export interface AuthenticatedRequest extends FastifyRequest {
  member?: string;
}

export const PUBLIC_ROUTE = 'bulkhead:public';
/** Opens a route to callers without a token. A test holds the list of such routes. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC_ROUTE, true);

/** The member whose token the request carries. */
export const CurrentMember = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const { member } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!member) throw new Error('a route that names its member is never public');
  return member;
});
