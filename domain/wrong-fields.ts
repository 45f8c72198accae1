import type { z } from 'zod';

/** What is wrong with a document, as one sentence part: the path of each wrong field, and what was expected there. */
export const wrongFields = (error: z.core.$ZodError): string =>
  error.issues.map(describe).join('; ');

function describe(issue: z.core.$ZodIssue): string {
  const path = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  const message =
    issue.code === 'unrecognized_keys'
      ? `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`
      : issue.message;
  return path === '' ? message : `${path}: ${message}`;
}
