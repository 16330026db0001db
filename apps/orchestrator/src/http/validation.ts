import { StandardSchemaValidationPipe } from '@nestjs/common';
import { refused, RefusalError } from '@bulkhead/intent';

/** Validates bodies, queries and parameters by their Zod schema; what the schema does not know is refused. */
export const validationPipe = (): StandardSchemaValidationPipe =>
  new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const facts = issues.slice(0, 10).map((issue, position) => {
        const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
        return [path || `problem${position}`, issue.message] as const;
      });
      return new RefusalError(
        refused('request.malformed', 'The request does not fit its schema; see facts.', Object.fromEntries(facts))
          .refusal,
      );
    },
  });
