// @ts-check
/** `node functions/nightly-report/run.js [DIRECTORY]`: writes the reports of two nights, into a directory that is kept where one is named. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTroupe } from 'troupe';
import { writeNightlyReports } from './nights.js';

const [named] = process.argv.slice(2);
const directory = named ?? (await mkdtemp(join(tmpdir(), 'troupe-nights-')));
await mkdir(directory, { recursive: true });
const troupe = await createTroupe();
try {
  await writeNightlyReports(troupe, { directory, pauseMs: 200, write: (line) => console.log(line) });
} finally {
  await troupe.close();
  if (named === undefined) await rm(directory, { recursive: true });
}
