import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  frostGroupSchema,
  sessionTermsSchema,
  signedMessageSchema,
  type FrostGroup,
  type SignedMessage,
} from '@bulkhead/keys';
import { digestSchema, orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { GroupSessions, type HeldGroup } from '../core/group-sessions.js';

const messages = z.array(signedMessageSchema).max(9);
const roundSchema = z.strictObject({ session: digestSchema, messages });
const activationSchema = z.strictObject({ group: frostGroupSchema, messages });
type Round = z.infer<typeof roundSchema>;

interface Messages {
  readonly messages: readonly SignedMessage[];
}

/** The rounds of generating, refreshing and resharing an MPC group. A carrier of the messages reads no share, changes none. */
@Controller('v1/mpc/groups')
export class GroupSessionsController {
  constructor(private readonly sessions: GroupSessions) {}

  /** What is public about a wallet's group as it is now. */
  @Get(':wallet')
  async group(@Param('wallet', { schema: slugSchema }) wallet: string): Promise<HeldGroup> {
    return orThrow(await this.sessions.group(wallet));
  }

  @Post('announce')
  @HttpCode(200)
  async announce(@Body({ schema: sessionTermsSchema }) terms: z.infer<typeof sessionTermsSchema>): Promise<Messages> {
    return { messages: [orThrow(await this.sessions.announce(terms))] };
  }

  @Post('deal')
  @HttpCode(200)
  async deal(@Body({ schema: roundSchema }) round: Round): Promise<Messages> {
    return { messages: orThrow(await this.sessions.deal(round.session, round.messages)) };
  }

  @Post('confirm')
  @HttpCode(200)
  async confirm(@Body({ schema: roundSchema }) round: Round): Promise<Messages> {
    return { messages: orThrow(await this.sessions.confirm(round.session, round.messages)) };
  }

  @Post('activate')
  @HttpCode(200)
  async activate(
    @Body({ schema: activationSchema }) { group, messages: confirmations }: z.infer<typeof activationSchema>,
  ): Promise<{ readonly group: FrostGroup }> {
    return { group: orThrow(await this.sessions.activate(group, confirmations)) };
  }
}
