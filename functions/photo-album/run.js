// @ts-check
/** `node functions/photo-album/run.js [DIRECTORY]`: makes twenty photographs, and three sizes of each, in a directory that is kept where one is named. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTroupe } from 'troupe';
import { makeAlbum } from './album.js';
import { writePhotographs } from './photographs.js';

const [named] = process.argv.slice(2);
const directory = named ?? (await mkdtemp(join(tmpdir(), 'troupe-album-')));
const troupe = await createTroupe();
try {
  const photographs = await writePhotographs(join(directory, 'photographs'), 20);
  const album = await makeAlbum(troupe, { photographs, to: join(directory, 'album'), stream: process.stdout });
  const kilobytes = (/** @type {readonly number[]} */ all) =>
    Math.round(all.reduce((sum, bytes) => sum + bytes, 0) / 1_000);
  const [before, after] = [
    album.photographs.map((each) => each.bytesFrom),
    album.photographs.map((each) => each.bytes),
  ];
  console.log(
    `${album.photographs.length} photographs of ${kilobytes(before)} kB, in three sizes of ${kilobytes(after)} kB together`,
  );
} finally {
  await troupe.close();
  if (named === undefined) await rm(directory, { recursive: true });
}
