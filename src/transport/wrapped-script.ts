/**
 * A CommonJS script as V8 is given it: in the function that makes it a module. Pure.
 *
 * The text is put together as bytes, so that V8 gets one string in one step; of ASCII it need not look at every byte for that.
 */
import { isAscii } from 'node:buffer';

export const WRAPPER_HEAD = '(function (exports, require, module, __filename, __dirname) { ';
const WRAPPER_TAIL = '\n})';

export interface WrappedScript {
  readonly text: Uint8Array;
  readonly isAscii: boolean;
  /** It may have an `import()` in it. */
  readonly mayImport: boolean;
  /** It may use `console` or a standard stream. */
  readonly mayPrint: boolean;
}

const PRINTING = ['console', 'stdout', 'stderr'];

const WRAPPING_BYTES = WRAPPER_HEAD.length + WRAPPER_TAIL.length;

/** Into memory that `allocate` gives. */
export function wrapScript(source: Buffer, allocate: (bytes: number) => Buffer = Buffer.allocUnsafe): WrappedScript {
  const text = allocate(WRAPPING_BYTES + source.byteLength);
  text.write(WRAPPER_HEAD, 0, 'latin1');
  source.copy(text, WRAPPER_HEAD.length);
  text.write(WRAPPER_TAIL, WRAPPER_HEAD.length + source.byteLength, 'latin1');
  // The line that makes a script executable is no JavaScript within a function.
  if (hasHashbang(source)) text.write('//', WRAPPER_HEAD.length, 'latin1');
  const mayPrint = PRINTING.some((word) => source.includes(word));
  return { text, isAscii: isAscii(text), mayImport: source.includes('import('), mayPrint };
}

export function hasHashbang(source: Uint8Array): boolean {
  return source[0] === 0x23 && source[1] === 0x21;
}

/** What was wrapped, but for its hashbang. */
export function sourceOf({ text }: WrappedScript): Uint8Array {
  return text.subarray(WRAPPER_HEAD.length, text.byteLength - WRAPPER_TAIL.length);
}

/** The string that V8 compiles. */
export function scriptText({ text, isAscii: isLatin }: WrappedScript): string {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return bytes.toString(isLatin ? 'latin1' : 'utf8');
}
