/** Turns esbuild's messages into one `BUILD_FAILED` that shows place, reason and code frame of each. Pure. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { Location, Message } from 'esbuild';
import { TroupeError } from '../../errors.ts';

/** A broken source can have hundreds of errors; nobody reads more than these. */
const MAX_SHOWN = 20;
const MAX_FRAME_COLUMNS = 160;

export interface BuildErrorContext {
  /** esbuild's paths are relative to it. */
  readonly workingDirectory: string;
  /** Paths below it are shown relative to it. */
  readonly shownFrom: string;
  /** What the loader put before the first line of each file, by absolute path: it is taken out of the frame again. */
  readonly prefixes: ReadonlyMap<string, string>;
}

interface Place {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters. */
  readonly column: number;
  readonly lineText: string;
}

export function buildFailure(messages: readonly Message[], context: BuildErrorContext): TroupeError {
  const described = messages.slice(0, MAX_SHOWN).map((message) => describe(message, context));
  const more = messages.length > MAX_SHOWN ? [`and ${messages.length - MAX_SHOWN} more`] : [];
  const first = messages[0];
  const place = first?.location ? placeOf(first.location, context) : undefined;
  return new TroupeError('BUILD_FAILED', [...described, ...more].join('\n\n') || 'The build failed without a reason.', {
    details: {
      ...(place ? { file: place.file, line: place.line, column: place.column } : {}),
      text: first?.text ?? '',
      errors: messages.length,
    },
  });
}

function describe(message: Message, context: BuildErrorContext): string {
  const notes = [hint(message), ...message.notes.map(({ text }) => text)].filter((note) => note !== '');
  if (!message.location) return [message.text, ...notes].join('\n');
  const place = placeOf(message.location, context);
  const head = `${shown(place.file, context.shownFrom)}:${place.line}:${place.column}: ${message.text}`;
  return [head, frame(place, message.location.length), ...notes].join('\n');
}

function placeOf(location: Location, context: BuildErrorContext): Place {
  const file = isAbsolute(location.file) ? location.file : resolve(context.workingDirectory, location.file);
  const prefix = context.prefixes.get(file) ?? '';
  const isPrefixed = prefix !== '' && location.lineText.startsWith(prefix);
  // esbuild counts columns in UTF-8 bytes; people count characters.
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString();
  return {
    file,
    line: location.line,
    column: before.length - (isPrefixed ? prefix.length : 0) + 1,
    lineText: isPrefixed ? location.lineText.slice(prefix.length) : location.lineText,
  };
}

/** The line with a marker under what is wrong; of a very long line only the part around it. */
function frame(place: Place, lengthBytes: number): string {
  const start = Math.max(0, place.column - 1 - MAX_FRAME_COLUMNS / 2);
  const line = place.lineText.slice(start, start + MAX_FRAME_COLUMNS);
  const gutter = String(place.line);
  const column = place.column - 1 - start;
  // Tabs are kept, so that the marker stands under its place however wide they are shown.
  const indent = line.slice(0, column).replace(/[^\t]/g, ' ');
  const marker = '^'.repeat(Math.max(1, Math.min(lengthBytes, line.length - column)));
  return `  ${gutter} | ${line}\n  ${' '.repeat(gutter.length)} | ${indent}${marker}`;
}

function hint({ text }: Message): string {
  const missing = /^Could not resolve "([^"]+)"/.exec(text)?.[1];
  if (missing === undefined) return '';
  if (/^(?:\.|\/)/.test(missing)) return 'There is no such file. Check the path and its extension.';
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(missing)?.[0] ?? missing;
  return `The package is not installed. Run: npm install ${name}`;
}

function shown(file: string, from: string): string {
  const path = relative(from, file);
  return path.startsWith('..') || isAbsolute(path) ? file : path;
}
