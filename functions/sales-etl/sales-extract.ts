/** Which files have the sales of the day before the given time, and whether they are complete. Paths, not contents, go from step to step. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionConfig } from 'troupe';

export const config = {
  timeoutMs: 10_000,
  idempotent: true,
  description: "Finds a day's files of sales",
} satisfies FunctionConfig;

export interface ExtractEvent {
  /** ISO 8601: the sales of the day before are meant, in UTC. */
  readonly before: string;
  /** A directory with a file `<day>.<shop>.csv` for each day and shop. */
  readonly from: string;
}

export interface Extracted {
  /** As in `2026-01-31`. */
  readonly day: string;
  readonly files: readonly string[];
}

const DAY_MS = 86_400_000;
/** The last line of a file that is complete. */
const END = '# end';

/** Throws `NoSales` where no shop has written, and `FileIncomplete` where one is still at it. */
export default async ({ before, from }: ExtractEvent): Promise<Extracted> => {
  const day = new Date(Date.parse(before) - DAY_MS).toISOString().slice(0, 10);
  const names = (await readdir(from)).filter((name) => name.startsWith(`${day}.`) && name.endsWith('.csv'));
  if (names.length === 0) throw named('NoSales', `There are no files of ${day} in ${from}.`);
  const files = names.sort().map((name) => join(from, name));
  for (const file of files) {
    const text = await readFile(file, 'utf8');
    if (!text.trimEnd().endsWith(END)) throw named('FileIncomplete', `${file} does not end with "${END}".`);
  }
  return { day, files };
};

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
