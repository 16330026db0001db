import { StandardSchemaValidationPipe } from '@nestjs/common';
import { refused, RefusalError } from '@bulkhead/intent';

const MOST_FACTS = 10;

/** Validates bodies by their Zod schema; what the schema does not know is refused. */
export const validationPipe = (): StandardSchemaValidationPipe =>
  new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const facts = issues.slice(0, MOST_FACTS).map((issue, position) => {
        const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
        return [path || `problem${position}`, issue.message] as const;
      });
      const { refusal } = refused(
        'request.malformed',
        'The request does not fit its schema.',
        Object.fromEntries(facts),
      );
      return new RefusalError(refusal);
    },
  });
