/**
 * One photograph of an album, in three sizes. A job for each photograph: what is damaged holds up no other, and what is done stays done.
 *
 * It runs as a process, and two at a time: sharp is native code, and takes the processor as long as there is work.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Context, FunctionConfig } from 'troupe';
import thumbnail from '../thumbnail/index.ts';

export const config = {
  isolation: 'process',
  memoryMb: 256,
  timeoutMs: 60_000,
  idempotent: true,
  queue: { concurrency: 2 },
  description: 'A photograph in three sizes',
} satisfies FunctionConfig;

/** Pixels. */
const WIDTHS = [960, 480, 160];

export interface PhotoAlbumEvent {
  readonly from: string;
  /** A directory, made if it is not there. */
  readonly to: string;
}

export interface AlbumPhotograph {
  readonly from: string;
  readonly files: readonly string[];
  /** Before, and of all sizes together. */
  readonly bytesFrom: number;
  readonly bytes: number;
}

/** Writes the same files again when it is repeated. Says after each size how far it has come: `{ done, of }`. */
export default async ({ from, to }: PhotoAlbumEvent, context: Context): Promise<AlbumPhotograph> => {
  const image = await readFile(from);
  await mkdir(to, { recursive: true });
  const files: string[] = [];
  let bytes = 0;
  for (const width of WIDTHS) {
    context.signal.throwIfAborted();
    const made = await thumbnail({ image, width, format: 'webp' });
    const file = join(to, `${basename(from, extname(from))}-${width}.webp`);
    await writeFile(file, made.image);
    files.push(file);
    bytes += made.bytes;
    context.progress({ done: files.length, of: WIDTHS.length });
  }
  return { from, files, bytesFrom: image.length, bytes };
};
