/**
 * Makes the stack of an error from inside a function speak of its source. Pure: the source map is an argument; parse it once per artifact
 * (`new TraceMap(json)`) and pass it again where many stacks are mapped.
 *
 * Source maps: ECMA-426.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

/** Frames from here are the runtime's own. The host may run from `src/`; instances always run from `dist/`. */
const RUNTIME_DIRECTORIES = ['../../', '../../../dist/'].map((path) => new URL(path, import.meta.url));
const FRAME = /^\s+at /;
/** A stack is user data; nobody needs more of it. */
const MAX_STACK_CHARACTERS = 65_536;

/**
 * Replaces each place in the artifact's entry by the file, line and column (1-based) of the source, as the map names the file. Frames of
 * the runtime and of Node that lie beneath the function's own are dropped. Text that is no stack comes back as it is, and so does
 * everything when the map is unreadable.
 */
export function mapStack(stack: string, entry: string, sourceMap: string | TraceMap): string {
  const map = typeof sourceMap === 'string' ? parse(sourceMap) : sourceMap;
  const lines = stack.slice(0, MAX_STACK_CHARACTERS).split('\n');
  const mapped = map ? lines.map((line) => mapLine(line, entry, map)) : lines;
  // The last line that spoke of the artifact is where the runtime handed over; what lies beneath it is of no use to the author.
  const lastOwn = lines.findLastIndex((line) => FRAME.test(line) && names(line, entry));
  return mapped.filter((line, index) => index <= lastOwn || !isRuntimeFrame(line, lastOwn >= 0)).join('\n');
}

function mapLine(line: string, entry: string, map: TraceMap): string {
  if (!names(line, entry)) return line;
  for (const place of [pathToFileURL(entry).href, entry]) {
    const at = line.lastIndexOf(`${place}:`);
    if (at < 0) continue;
    const [text, lineNumber, column] = /^:(\d+):(\d+)/.exec(line.slice(at + place.length)) ?? [];
    if (text === undefined) continue;
    const original = originalPositionFor(map, { line: Number(lineNumber), column: Number(column) - 1 });
    if (original.source === null) continue;
    const found = `${original.source}:${original.line}:${original.column + 1}`;
    return line.slice(0, at) + found + line.slice(at + place.length + text.length);
  }
  return line;
}

function names(line: string, entry: string): boolean {
  return line.includes(`${entry}:`) || line.includes(`${pathToFileURL(entry).href}:`);
}

function isRuntimeFrame(line: string, isBeneathFunction: boolean): boolean {
  if (!FRAME.test(line)) return false;
  const isOwn = RUNTIME_DIRECTORIES.some((url) => line.includes(fileURLToPath(url)) || line.includes(url.href));
  return isOwn || (isBeneathFunction && line.includes('node:'));
}

function parse(json: string): TraceMap | undefined {
  try {
    return new TraceMap(json);
  } catch {
    return undefined;
  }
}
