import 'reflect-metadata';
import type { Server } from 'node:https';
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogController } from 'fastify';
import { readConfig, type SignerConfig } from './config.js';
import { ProblemFilter } from './http/problem.filter.js';
import { validationPipe } from './http/validation.js';
import { createLogger, PinoNestLogger } from './logging.js';
import { admitPinnedOnly, mutualTls } from './mutual-tls.js';
import { SignerModule } from './signer.module.js';

/** A PSBT carries the whole of each previous transaction. */
const BODY_LIMIT = 8 * 1024 * 1024;

async function start(config: SignerConfig): Promise<NestFastifyApplication> {
  const logger = createLogger(config);
  const tls = mutualTls(config);
  const adapter = new FastifyAdapter({
    https: tls.options,
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: !['debug', 'trace'].includes(config.logLevel) }),
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
  });
  const app = await NestFactory.create<NestFastifyApplication>(SignerModule.with(config), adapter, {
    logger: new PinoNestLogger(logger),
    abortOnError: false,
  });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter());
  admitPinnedOnly(app.getHttpServer() as Server, tls.pinned);
  await app.listen(config.listen.port, config.listen.host);
  return app;
}

/** Ends in order: no new requests, those under way are answered, then the module host and the database. */
function endOnSignal(app: NestFastifyApplication): void {
  const logger = new Logger('main');
  let ending = false;
  const end = (signal: string): void => {
    if (ending) return;
    ending = true;
    logger.log(`${signal}: ending`);
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

const { values } = parseArgs({ options: { config: { type: 'string' } } });
if (values.config === undefined) {
  process.stderr.write('usage: signer --config <file.json>\n');
  process.exit(2);
}
try {
  endOnSignal(await start(readConfig(values.config)));
} catch (error) {
  process.stderr.write(`the signer does not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
