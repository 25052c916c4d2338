/** Copies directories whose files come and go meanwhile: what has gone is left out. Each file is on disk when it is done. */
import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, open, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';

export async function copyTree(from: string, to: string, leftOut: ReadonlySet<string> = new Set()): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true }).catch(none)) {
    if (leftOut.has(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await readlink(source).then((link) => symlink(link, target), ignoreMissing);
    else if (entry.isFile()) await copyOne(source, target).catch(ignoreMissing);
  }
  await flush(to);
}

/** File systems that can share blocks do. */
async function copyOne(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await flush(target);
}

/** Of a file or a directory: it is on disk then. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What the files below it hold. */
export async function treeBytes(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { withFileTypes: true }).catch(none)) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) bytes += await treeBytes(inner);
    else if (entry.isFile()) bytes += (await lstat(inner).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

function none(error: NodeJS.ErrnoException): [] {
  ignoreMissing(error);
  return [];
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
