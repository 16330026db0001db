import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { mayInitiate } from '@bulkhead/approval';
import { quorumFor, type Governed } from '@bulkhead/charter';
import { refused, RefusalError } from '@bulkhead/intent';
import type { AuthenticatedRequest } from '../../http/member.js';
import { CharterService } from '../core/charter.service.js';

const STARTS = 'bulkhead:starts';

/**
 * Opens a route to those only who may start one of these in the charter. For routes that no signed intent stands behind and
 * that leave something for good: a key in a token, an issued address.
 */
export const Starts = (...governed: readonly Governed[]): MethodDecorator => SetMetadata(STARTS, governed);

@Injectable()
export class StartsGuard implements CanActivate {
  constructor(
    private readonly charter: CharterService,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const governed = this.reflector.get<readonly Governed[] | undefined>(STARTS, context.getHandler());
    if (!governed) return true;
    const { member: id = '' } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const state = await this.charter.required();
    const quorums = governed.flatMap((one) => quorumFor(state, one) ?? []);
    const member = state.members.get(id);
    if (member && quorums.some((quorum) => mayInitiate(quorum, member, state.groups))) return true;
    const initiators = [...new Set(quorums.flatMap((quorum) => quorum.initiators))].join(', ');
    throw new RefusalError(
      refused('approval.not-eligible', 'This member’s role may not start this.', { member: id, initiators }).refusal,
    );
  }
}
