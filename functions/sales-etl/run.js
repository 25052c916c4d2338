// @ts-check
/** `node functions/sales-etl/run.js [DIRECTORY]`: loads the sales of the last week, into a directory that is kept where one is named. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTroupe } from 'troupe';
import { loadPastDays } from './sales.js';

const [named] = process.argv.slice(2);
const directory = named ?? (await mkdtemp(join(tmpdir(), 'troupe-sales-')));
await mkdir(directory, { recursive: true });
const troupe = await createTroupe();
try {
  await loadPastDays(troupe, { directory, nowMs: Date.now(), days: 7, write: (line) => console.log(line) });
} finally {
  await troupe.close();
  if (named === undefined) await rm(directory, { recursive: true });
}
