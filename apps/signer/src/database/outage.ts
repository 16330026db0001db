/**
 * Socket errors of Node, and SQLSTATE: 08 connection exception, 53 insufficient resources, 57014 statement timeout, 57P
 * shutdown and start-up.
 */
const OUTAGE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|08...|53...|57014|57P..)$/;
/** What node-postgres says without a code. */
const OUTAGE_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Whether an error says that the database is away, rather than that it refuses something. */
export function isDatabaseOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code: unknown = Reflect.get(error, 'code');
  if (typeof code === 'string') return OUTAGE.test(code);
  return OUTAGE_MESSAGE.test(error.message) || isDatabaseOutage(Reflect.get(error, 'driverError'));
}
