/** Says how a directory source reaches out of its root: through which link, or by which import. Reads the file system only. */
import { lstat, readdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Message } from 'esbuild';
import { TroupeError } from '../../errors.ts';
import { isInside } from './source.ts';

/** Enough for any source that people write; beyond it the error names the import alone. */
const MAX_ENTRIES = 10_000;

export async function describeEscape(target: string, root: string, messages: readonly Message[]): Promise<TroupeError> {
  const link = await findLink(target, root);
  const at = messages.find(({ text, location }) => text.startsWith(target) && location !== null)?.location;
  const importer = at ? `${resolve(root, at.file)}:${at.line}` : undefined;
  const through = link ? `the link ${link}` : `an import in ${importer ?? root}`;
  return new TroupeError(
    'SOURCE_OUTSIDE_ROOT',
    `${target} is outside of the source directory ${root}; ${through} leads there. Copy the file into the directory.`,
    { details: { path: link ?? importer ?? root, target, ...(importer ? { importer } : {}) } },
  );
}

/** The first symbolic link below the root, but not in node_modules, through which `target` is reached. */
async function findLink(target: string, root: string): Promise<string | undefined> {
  let remaining = MAX_ENTRIES;
  const pending = [root];
  for (let directory = pending.shift(); directory && remaining > 0; directory = pending.shift()) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (--remaining < 0) return undefined;
      const path = join(directory, name);
      const facts = await lstat(path).catch(() => undefined);
      if (facts?.isDirectory() && name !== 'node_modules') pending.push(path);
      if (!facts?.isSymbolicLink()) continue;
      const real = await realpath(path).catch(() => undefined);
      if (real !== undefined && isInside(target, real)) return path;
    }
  }
  return undefined;
}
