import { applyDecorators } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiDefaultResponse, ApiResponse, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { z } from 'zod';
import { problemSchema } from './problem.js';

/** Documents what a route answers with, by the schema its view is typed by; every refusal is a problem document. */
export const ApiAnswer = (status: number, schema: z.ZodType, description: string): MethodDecorator =>
  applyDecorators(
    ApiResponse({ status, description, standardSchema: schema }),
    ApiDefaultResponse({ description: 'Refused: an RFC 9457 problem document', standardSchema: problemSchema }),
  );

/** Serves the OpenAPI 3.1 document at /openapi.json and a page to browse it at /docs. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Bulkhead')
    .setDescription(
      'Multi-signature custody. Amounts are decimal strings of the smallest unit. Refusals are RFC 9457 problem ' +
        'documents with a stable code. A POST may carry an Idempotency-Key; resent, it gives the first answer.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A member’s API token' })
    .build();
  SwaggerModule.setup('docs', app, () => completed(SwaggerModule.createDocument(app, config)), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Bulkhead API',
  });
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  required: false,
  description: '1 to 200 visible ASCII characters. Resent, the same request gives the first answer, refusals included.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' },
};

/** What is true of all routes: refusals have a media type of their own, and every POST may carry an Idempotency-Key. */
function completed(document: OpenAPIObject): OpenAPIObject {
  for (const item of Object.values(document.paths)) {
    if (item.post) item.post.parameters = [...(item.post.parameters ?? []), IDEMPOTENCY_KEY];
    for (const operation of [item.get, item.post, item.put]) {
      const refusal = operation?.responses.default;
      if (!refusal || !('content' in refusal) || !refusal.content?.['application/json']) continue;
      refusal.content = { 'application/problem+json': refusal.content['application/json'] };
    }
  }
  return document;
}
