import { readFileSync } from 'node:fs';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { approvalSchema } from '@bulkhead/approval';
import { chainNameSchema, charterEntrySchema } from '@bulkhead/charter';
import { accepted, digestSchema, orThrow, refused, RefusalError } from '@bulkhead/intent';
import { fastify, type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { readPrivateFile, type SignerConfig } from '../../config.js';
import { INTERNAL_PROBLEM, problemOfError } from '../../http/problem.js';
import { Objections } from '../../objections/core/objections.js';
import { nonceSchema, sealedQuestionSchema } from '../../peers/core/exchange.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { PeerAnswers } from '../core/peer-answers.js';
import { Queue } from '../core/queue.js';
import { HeadsWitness } from '../core/signed-heads.js';

/** A genesis with as many members as there may be is less. */
const BODY_LIMIT = 1024 * 1024;
const MOST_CONNECTIONS = 200;
const MOST_IN_LINE = 32;
const MOST_ENTRIES = 100;

const entriesSchema = z.strictObject({ entries: z.array(charterEntrySchema).min(1).max(MOST_ENTRIES) });
const pageSchema = z.strictObject({ after: digestSchema.optional(), chain: chainNameSchema.optional() });
const nonceQuerySchema = z.strictObject({ nonce: nonceSchema });

/**
 * The listener that anybody may come to, by TLS 1.3 with this signer's certificate. Whoever comes is not believed: what is
 * taken here is signed by members or by signers, and is verified before it changes anything. Nothing is signed here but
 * what this signer says of itself.
 */
@Injectable()
export class Door implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('door');
  private readonly server: FastifyInstance;
  /** Writing is done one at a time: it costs a database and a token write. */
  private readonly writing = new Queue(MOST_IN_LINE);

  constructor(
    @Inject(SIGNER_CONFIG) private readonly config: SignerConfig,
    private readonly charter: CharterReplica,
    private readonly objections: Objections,
    private readonly peers: PeerAnswers,
    private readonly witness: HeadsWitness,
  ) {
    const { keyFile, certFile } = config.tls;
    this.server = fastify({
      https: { key: readPrivateFile(keyFile), cert: readFileSync(certFile, 'utf8'), minVersion: 'TLSv1.3' },
      bodyLimit: BODY_LIMIT,
      requestTimeout: 10_000,
      forceCloseConnections: true,
    });
    this.server.server.maxConnections = MOST_CONNECTIONS;
    this.answerErrors();
    this.addRoutes();
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.server.listen(this.config.door);
    this.logger.log({ msg: 'the door is open', ...this.config.door });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.server.close();
  }

  private addRoutes(): void {
    const { server } = this;
    server.post('/v1/charter/entries', async ({ body }) => {
      const { entries } = parse(entriesSchema, body);
      return orThrow(await this.writing.take(() => this.charter.apply(entries)));
    });
    server.get('/v1/charter/entries', async ({ query }) => {
      const { after, chain } = parse(pageSchema, query);
      return orThrow(await this.charter.page(after, chain, MOST_ENTRIES));
    });
    server.get('/v1/heads', ({ query }) => this.witness.heads(parse(nonceQuerySchema, query).nonce));
    server.post('/v1/objections', async ({ body }) => {
      const objection = parse(approvalSchema, body);
      orThrow(await this.writing.take(() => this.objections.take(objection)));
      return { intent: objection.statement.intent, decision: objection.statement.decision };
    });
    server.post('/v1/exchange', async ({ body }) =>
      orThrow(await this.peers.answer(parse(sealedQuestionSchema, body))),
    );
  }

  private answerErrors(): void {
    this.server.setErrorHandler((error, _request, reply) => {
      const problem = problemOfError(error);
      if (!problem) this.logger.error(error);
      const { status, ...rest } = problem ?? INTERNAL_PROBLEM;
      return reply
        .status(status)
        .header('content-type', 'application/problem+json')
        .send({ ...rest, status });
    });
    this.server.setNotFoundHandler(() => {
      throw new RefusalError(refused('request.not-found', 'There is no such thing at this door.').refusal);
    });
  }
}

function parse<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const parsed = schema.safeParse(value);
  const result = parsed.success
    ? accepted(parsed.data)
    : refused('request.malformed', 'The request does not fit its schema.', {
        problem: z.prettifyError(parsed.error).slice(0, 500),
      });
  return orThrow(result);
}
