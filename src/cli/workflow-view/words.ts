/** Words of the drawings: lengths of time, texts cut to a width, counts. Pure. */
import { duration } from '../terminal.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** 12.0 ms, 3.40 s, 5 min 20 s, 3 h 5 min, 2 d 4 h. */
export function timeSpan(ms: number): string {
  if (ms < MINUTE_MS) return ms > 0 ? duration(ms * 1_000) : '0 ms';
  if (ms < HOUR_MS) return twoUnits(ms, [MINUTE_MS, 'min'], [1_000, 's']);
  if (ms < DAY_MS) return twoUnits(ms, [HOUR_MS, 'h'], [MINUTE_MS, 'min']);
  return twoUnits(ms, [DAY_MS, 'd'], [HOUR_MS, 'h']);
}

type Unit = readonly [ms: number, name: string];

function twoUnits(ms: number, [greaterMs, greater]: Unit, [lesserMs, lesser]: Unit): string {
  const lessers = Math.round(ms / lesserMs);
  const perGreater = greaterMs / lesserMs;
  const rest = lessers % perGreater;
  return `${Math.floor(lessers / perGreater)} ${greater}${rest === 0 ? '' : ` ${rest} ${lesser}`}`;
}

/** What users name may hold anything: here it has one line, and cannot steer the terminal. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** At most so many columns, the last one a mark where something is left out. */
export function cut(text: string, columns: number): string {
  const characters = [...text];
  if (characters.length <= columns) return text;
  return columns < 1 ? '' : `${characters.slice(0, columns - 1).join('')}…`;
}

/** As `cut`, and filled with spaces. */
export function fill(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + ' '.repeat(Math.max(0, columns - [...shown].length));
}

export function widest(texts: Iterable<string>): number {
  let columns = 0;
  for (const text of texts) columns = Math.max(columns, [...text].length);
  return columns;
}

/** In lines of at most so many columns, broken between words where that is possible. */
export function wrapped(text: string, columns: number): string[] {
  const width = Math.max(1, columns);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const characters = [...word];
    if (line !== '' && [...line].length + 1 + characters.length > width) {
      lines.push(line);
      line = '';
    }
    const pieces = Array.from({ length: Math.ceil(characters.length / width) }, (_, index) =>
      characters.slice(index * width, (index + 1) * width).join(''),
    );
    const last = pieces.pop() ?? '';
    lines.push(...pieces);
    line = line === '' ? last : `${line} ${last}`;
  }
  return [...lines, line];
}
