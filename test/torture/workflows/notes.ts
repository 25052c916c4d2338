/**
 * The one function that all workflows of this suite call, and what it notes of its runs outside the host. A line is one `write` with O_APPEND,
 * so it is there whole or not at all, whoever is killed, and lines of several instances do not mix.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

export const STEP = 'step';

/**
 * Adds numbers up. Fails as often as it is told, told by what it has noted of itself, since its memory does not outlive a kill. A lit fuse makes it
 * kill the host at the very moment of a note: right where a step has begun, or where its result is about to be sent.
 */
export const STEP_SOURCE = `
import { fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
const { NOTES, FUSE } = process.env;
const notes = openSync(NOTES, 'a');
// It is lit before the host begins. What lies between a note and the kill is what a write to the disk would need to win.
let fuse = [];
try { fuse = readFileSync(FUSE, 'utf8').split(' '); } catch {}
const [pid, bytes, when] = fuse;

function note(what, key, value) {
  writeSync(notes, [what, key, value, Date.now()].join(' ') + '\\n');
  if (when !== what || fstatSync(notes).size < Number(bytes)) return;
  try { process.kill(-Number(pid), 'SIGKILL'); } catch {}
}

const failuresOf = (key) => readFileSync(NOTES, 'utf8').split('fail ' + key + ' ').length - 1;

export default async ({ n, add = 0, failures = 0, fatal = false }, { idempotencyKey: key }) => {
  const value = [n].flat().reduce((sum, each) => sum + each, add);
  note('begin', key, value);
  await new Promise((resolve) => setTimeout(resolve, value % 12));
  if (fatal || (failures > 0 && failuresOf(key) < failures)) {
    note('fail', key, value);
    throw new Error('as told');
  }
  note('end', key, value);
  return value;
};
`;

export interface Note {
  readonly what: 'begin' | 'fail' | 'end';
  /** The idempotency key of the run: execution and step. */
  readonly key: string;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export class Notes {
  readonly path: string;
  #read = 0;

  constructor(path: string) {
    this.path = path;
    closeSync(openSync(path, 'w'));
  }

  get bytes(): number {
    return statSync(this.path).size;
  }

  /** What was noted since the last look. Only while nobody writes. */
  next(): Note[] {
    const length = this.bytes - this.#read;
    const text = Buffer.alloc(length);
    const descriptor = openSync(this.path, 'r');
    readSync(descriptor, text, 0, length, this.#read);
    closeSync(descriptor);
    this.#read += length;
    const lines = text.toString('utf8').split('\n');
    return lines.filter(Boolean).map((line) => {
      const [what, key, value, atMs] = line.split(' ');
      return { what: what as Note['what'], key: key ?? '', value: Number(value), atMs: Number(atMs) };
    });
  }
}
