/** One photograph in a file, made small by the sample function `thumbnail` into a file of its own. Writes the same file again when it is repeated. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { FunctionConfig } from 'troupe';
import thumbnail, { config as thumbnailConfig } from '../thumbnail/index.ts';

export const config = { ...thumbnailConfig, description: 'Thumbnails of files' } satisfies FunctionConfig;

export interface ShrinkEvent {
  readonly from: string;
  /** A directory, made if it is not there. */
  readonly to: string;
  /** Pixels; 160 if absent. */
  readonly width?: number | null;
}

export interface Shrunk {
  readonly from: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** Before and after. */
  readonly bytesFrom: number;
  readonly bytes: number;
}

/** Throws `NotAnImage` for a file that sharp does not understand: to try it again is of no use. */
export default async ({ from, to, width }: ShrinkEvent): Promise<Shrunk> => {
  if (typeof to !== 'string' || to === '') throw new TypeError('`to` is missing: the directory for the sheet.');
  const image = await readFile(from);
  const small = await thumbnail({ image, width: width ?? 160, format: 'webp' }).catch((error: unknown) => {
    if (error instanceof TypeError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw Object.assign(new Error(reason, { cause: error }), { name: 'NotAnImage' });
  });
  await mkdir(to, { recursive: true });
  const file = join(resolve(to), `${basename(from)}.webp`);
  await writeFile(file, small.image);
  return { from, file, width: small.width, height: small.height, bytesFrom: image.length, bytes: small.bytes };
};
