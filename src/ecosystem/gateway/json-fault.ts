/**
 * Parses JSON; where a text is none, says where and why. The parser of the engine names the place for some faults only, so a text that
 * it refuses is read once more here. Pure.
 */
import { TroupeError } from '../../errors.ts';

/** Throws `INVALID_JSON` with offset, line and column (both from 1). A member `__proto__` is data like any other. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidJson(text, faultOffset(text));
  }
}

function invalidJson(text: string, offset: number): TroupeError {
  const before = text.slice(0, offset).split('\n');
  const line = before.length;
  const column = (before.at(-1)?.length ?? 0) + 1;
  const found = offset >= text.length ? 'the text ends' : `${JSON.stringify(text.slice(offset, offset + 20))} stands`;
  const hint = text.trimStart().startsWith("'") ? ' JSON takes double quotes.' : '';
  return new TroupeError(
    'INVALID_JSON',
    `The body is not JSON: at line ${line}, column ${column} ${found} where JSON does not allow it.${hint}`,
    { details: { offset, line, column } },
  );
}

const SPACE = /[ \t\n\r]*/y;
const LITERAL = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** Control characters stand in strings as escapes only. */
const FIRST_PRINTABLE = 0x20;

type Expected = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close';

/** The offset of the first character at which `text` stops being the beginning of any JSON text; its length when it only ends too soon. */
export function faultOffset(text: string): number {
  const closers: string[] = [];
  let expected: Expected = 'value';
  let offset = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    if (!pattern.test(text)) return false;
    offset = pattern.lastIndex;
    return true;
  };
  for (;;) {
    take(SPACE);
    const character = text[offset];
    if (expected === 'comma-or-close' && closers.length === 0) return offset;
    if (character === undefined) return offset;
    if (expected.endsWith('close') && character === closers.at(-1)) {
      closers.pop();
      offset++;
      expected = 'comma-or-close';
    } else if (expected === 'comma-or-close') {
      if (character !== ',') return offset;
      offset++;
      expected = closers.at(-1) === '}' ? 'key' : 'value';
    } else if (expected === 'colon') {
      if (character !== ':') return offset;
      offset++;
      expected = 'value';
    } else if (expected === 'key' || expected === 'key-or-close') {
      const string = scanString(text, offset);
      offset = string.end;
      if (!string.isWhole) return offset;
      expected = 'colon';
    } else if (character === '{' || character === '[') {
      closers.push(character === '{' ? '}' : ']');
      offset++;
      expected = character === '{' ? 'key-or-close' : 'value-or-close';
    } else if (character === '"') {
      const string = scanString(text, offset);
      offset = string.end;
      if (!string.isWhole) return offset;
      expected = 'comma-or-close';
    } else {
      if (!take(LITERAL)) return offset;
      expected = 'comma-or-close';
    }
  }
}

/** Where the string ends that should begin here, or where it stops being one. By hand: a pattern runs out of stack on long strings. */
function scanString(text: string, start: number): { readonly isWhole: boolean; readonly end: number } {
  if (text[start] !== '"') return { isWhole: false, end: start };
  let at = start + 1;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') return { isWhole: true, end: at + 1 };
    if (character === '\\') {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) break;
      at = ESCAPE.lastIndex;
    } else if (text.charCodeAt(at) < FIRST_PRINTABLE) break;
    else at++;
  }
  return { isWhole: false, end: at };
}
