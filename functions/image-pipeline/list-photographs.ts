/** The photographs that lie in a directory, by name; paths, so that no bytes travel through the workflow. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FunctionConfig } from 'troupe';

export const config = { idempotent: true, description: 'The photographs in a directory' } satisfies FunctionConfig;

const PHOTOGRAPH = /\.(?:jpe?g|png|webp|avif|gif|tiff?|heic)$/i;
/** A sheet is for people to look at. */
const MAX_PHOTOGRAPHS = 1_000;

export default async ({ directory }: { readonly directory: string }): Promise<readonly string[]> => {
  if (typeof directory !== 'string' || directory === '')
    throw new TypeError('`from` is missing: the directory with the photographs.');
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && PHOTOGRAPH.test(entry.name)).map(({ name }) => name);
  if (names.length > MAX_PHOTOGRAPHS)
    throw new RangeError(`${directory} has ${names.length} photographs; a sheet has ${MAX_PHOTOGRAPHS} at most.`);
  return names.sort().map((name) => join(resolve(directory), name));
};
