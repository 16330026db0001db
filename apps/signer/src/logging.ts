import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import type { SignerConfig } from './config.js';

/** Structured logs, one JSON object per line. Bodies of requests and answers are never among them. */
export const createLogger = ({ id, logLevel }: SignerConfig): Logger =>
  pino({ level: logLevel, base: { signer: id }, timestamp: pino.stdTimeFunctions.isoTime });

/** Sends what NestJS and our own `Logger`s say to pino. */
export class PinoNestLogger implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.pino.info(...line(message, rest));
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.pino.error(...line(message, rest));
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.pino.warn(...line(message, rest));
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.pino.debug(...line(message, rest));
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.pino.fatal(...line(message, rest));
  }
}

/** NestJS gives the context last and an error's stack before it. An object is a set of fields of its own. */
function line(message: unknown, rest: readonly unknown[]): [object, string?] {
  const context = rest.at(-1);
  const stack = rest.length > 1 ? rest[0] : undefined;
  if (message instanceof Error) return [{ context, err: message }, message.message];
  return typeof message === 'object' && message !== null
    ? [{ context, ...message }]
    : [{ context, stack }, String(message)];
}
