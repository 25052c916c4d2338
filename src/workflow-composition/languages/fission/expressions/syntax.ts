/** Whether a text is JavaScript, told by V8's own parser. `vm.Script` compiles and runs nothing. */
import { Script } from 'node:vm';
import { serializeError } from '../../../../errors.ts';
import { expressionFailed } from './failure.ts';

/** Parsing takes stack and time in proportion. */
const MAX_SOURCE_CHARS = 65_536;

/**
 * Throws `EXPRESSION_FAILED`, `syntax`.
 *
 * A text can close the parenthesis around it and open another: `1) + (2`. No text can do so for both `( )` and `[ ]`: up to its first closing
 * bracket too many both read it alike, and that bracket fits only one of them. And `...x`, fit for `[ ]`, is not for `( )`.
 */
export function checkExpression(source: string): void {
  checkLength(source);
  try {
    new Script(`(${source}\n)`);
    new Script(`[${source}\n]`);
  } catch (error) {
    throw noJavaScript(source, error);
  }
}

/** For statements; throws as `checkExpression` does. */
export function checkScript(source: string): void {
  checkLength(source);
  try {
    new Script(source);
  } catch (error) {
    throw noJavaScript(source, error);
  }
}

function checkLength(source: string): void {
  if (source.length <= MAX_SOURCE_CHARS) return;
  throw expressionFailed('syntax', source, `is longer than ${MAX_SOURCE_CHARS} characters.`);
}

function noJavaScript(source: string, error: unknown) {
  return expressionFailed('syntax', source, `is no JavaScript: ${serializeError(error).message}.`);
}
