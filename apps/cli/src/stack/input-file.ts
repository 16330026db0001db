import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { Failure } from '#bootstrap/failure.mjs';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'you may not read it',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a symbolic link',
};

/**
 * The text of a file that somebody has named.
 *
 * @param what it should be, with its article: `a plan of a ceremony`
 * @throws Failure which file, why not, and what to do
 */
export function readTextFile(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${whyUnreadable(error)}.`, `Name a file that holds ${what}.`);
  }
}

/** The same of JSON in a known form. Nothing of the content is repeated: it may be a secret, named by mistake. */
export function readJsonFile<T>(file: string, what: string, schema: z.ZodType<T>): T {
  return parseJson(readTextFile(file, what), file, what, schema);
}

function parseJson<T>(text: string, file: string, what: string, schema: z.ZodType<T>): T {
  let candidate: unknown;
  try {
    candidate = JSON.parse(text);
  } catch (error) {
    const place = /line \d+ column \d+/.exec(String(error))?.[0];
    throw new Failure(
      `${file} is not JSON${place === undefined ? '' : `: see ${place}`}.`,
      `Name a file that holds ${what}.`,
    );
  }
  const parsed = schema.safeParse(candidate);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new Failure(`${file} is not ${what}.`, `${path === '' ? '' : `${path}: `}${issue?.message ?? ''}`);
}

/** The system's error at a file, in words. */
export function whyUnreadable(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  return REASONS[code] ?? code;
}
