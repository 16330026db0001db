import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { refused, RefusalError, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.js';
import { PUBLIC_ROUTE, type AuthenticatedRequest } from './member.js';

const tokensSchema = z.array(z.strictObject({ member: slugSchema, tokenSha256: z.string().regex(/^[0-9a-f]{64}$/) }));

/**
 * Every route needs a member's bearer token (RFC 6750), save those marked public. The token says who reads and who
 * carries requests; it moves no money: every governed act is signed by its members besides.
 */
@Injectable()
export class BearerGuard implements CanActivate {
  private readonly memberOfHash: ReadonlyMap<string, string>;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly reflector: Reflector,
  ) {
    const tokens = tokensSchema.parse(JSON.parse(readFileSync(config.apiTokensFile, 'utf8')));
    this.memberOfHash = new Map(tokens.map(({ member, tokenSha256 }) => [tokenSha256, member]));
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC_ROUTE, [context.getHandler(), context.getClass()]))
      return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    // looked up by digest, so that no comparison of secrets can be timed
    const digest = createHash('sha256')
      .update(token ?? '')
      .digest('hex');
    const member = scheme?.toLowerCase() === 'bearer' ? this.memberOfHash.get(digest) : undefined;
    if (!member) {
      throw new RefusalError(
        refused('request.unauthenticated', 'Send a member’s token: Authorization: Bearer <token>.').refusal,
      );
    }
    request.member = member;
    return true;
  }
}
