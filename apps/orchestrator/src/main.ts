import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readConfig, type Config } from './config.js';
import { serveOpenApi } from './http/openapi.js';
import { ProblemFilter, sendProblem } from './http/problem.filter.js';
import { validationPipe } from './http/validation.js';
import { createLogger, PinoNestLogger } from './logging.js';
import { OrchestratorModule } from './orchestrator.module.js';
import { Startup } from './startup.js';

const BODY_LIMIT = 8 * 1024 * 1024;

async function start(config: Config): Promise<NestFastifyApplication> {
  const logger = createLogger(config);
  const adapter = new FastifyAdapter({
    loggerInstance: logger,
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
    frameworkErrors: sendProblem,
  });
  const app = await NestFactory.create<NestFastifyApplication>(OrchestratorModule.with(config), adapter, {
    logger: new PinoNestLogger(logger),
    abortOnError: false,
    bodyParser: false, // Nest's would take forms too; Fastify's own takes JSON
  });
  adapter.getInstance().removeContentTypeParser('text/plain');
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter());
  serveOpenApi(app);
  await app.init();
  await app.get(Startup).begin();
  await app.listen(config.listen.port, config.listen.host);
  return app;
}

/** Ends in order: no new requests, those under way are answered, then followers, jobs and the database. */
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
  process.stderr.write('usage: orchestrator --config <file.json>\n');
  process.exit(2);
}
try {
  endOnSignal(await start(readConfig(values.config)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
