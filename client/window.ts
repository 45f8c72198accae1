import { parseWindow, type Window, type WindowText } from '../domain/sync/window';
import { wrongUse } from './errors';

/** Errors: exit code 2, with every side that is wrong. */
export function requireWindow(text: WindowText): Window {
  const parsed = parseWindow(text);
  if (parsed.ok) return parsed.window;
  const wrong = parsed.problems.map(({ field, message }) => `--${field} ${message}`).join('; ');
  throw wrongUse(wrong, 'A window includes --from and ends just before --to.');
}
