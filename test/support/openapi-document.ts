/** An OpenAPI 3.1 document, as far as tests look at it. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: object;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly securitySchemes: object };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: OpenApiContent;
  readonly responses: Readonly<Record<string, Partial<OpenApiContent>>>;
  readonly security?: unknown;
}

interface OpenApiContent {
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

/** A JSON Schema; other keywords are there too. */
export interface JsonSchema {
  [keyword: string]: unknown;
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
}

export const MEDIA = 'application/json';

export interface RoutedOperation {
  /** `GET /v1/wallets` */
  readonly route: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

export const operationsOf = ({ paths }: OpenApiDocument): RoutedOperation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, path, operation })),
  );

/** A schema and every schema in it. */
export function schemasWithin(schema: unknown): JsonSchema[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return [{ ...schema }, ...Object.values(schema).flatMap(schemasWithin)];
}
