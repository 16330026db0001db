import { NotFoundException } from '@nestjs/common';
import { refused, RefusalError } from '@bulkhead/intent';
import { INTERNAL_PROBLEM, problemOfError } from './problem.js';

describe('a problem document', () => {
  it('carries a refusal with the status of the catalogue', () => {
    const { refusal } = refused('segregation.coin-committed', 'It is spoken for.', { resource: 'x' });
    expect(problemOfError(new RefusalError(refusal))).toEqual({
      type: 'urn:bulkhead:refusal:segregation.coin-committed',
      title: 'Not in this state',
      status: 409,
      code: 'segregation.coin-committed',
      detail: 'It is spoken for.',
      facts: { resource: 'x' },
    });
  });

  it('carries what the framework refuses', () => {
    expect(problemOfError(new NotFoundException('Cannot GET /x'))).toMatchObject({
      status: 404,
      code: 'request.not-found',
    });
    const tooLarge = Object.assign(new Error('Request body is too large'), { statusCode: 413 });
    expect(problemOfError(tooLarge)).toMatchObject({ status: 413, code: 'request.malformed' });
  });

  it('says that the database is away', () => {
    const away = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect(problemOfError(away)).toMatchObject({ status: 503, code: 'database.unavailable' });
  });

  it('is bare for what nobody foresaw', () => {
    expect(problemOfError(new Error('secret detail'))).toBeUndefined();
    expect(problemOfError(Object.assign(new Error('secret detail'), { statusCode: 500 }))).toBeUndefined();
    expect(INTERNAL_PROBLEM).toMatchObject({ status: 500, code: 'internal.error', facts: {} });
  });
});
