/**
 * Copies a data directory while it is used (invariants 3 to 5): first the store, at one moment, then the code of all functions, which nobody deletes
 * meanwhile: whatever version the copied store names, its code was there before, and still is.
 */
import { mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Store } from '../../store/protocol.ts';
import { copyTree, flush, treeBytes } from './copy-tree.ts';
import type { Backup } from './protocol.ts';

/** 64 MiB: what is left for those who share the disk. */
const RESERVE_BYTES = 67_108_864;

/** Of the code directory, what is under construction or can be found anew. */
const NO_CODE: ReadonlySet<string> = new Set(['.building', '.records']);

export interface BackupParts {
  readonly store: Pick<Store, 'backup'>;
  /** Undefined where everything is in memory. */
  readonly dataDir: string | undefined;
  readonly artifactsDirectory: string;
  readonly clock: Clock;
  /** No code of functions is deleted until the answer is called. */
  readonly keepCode: () => () => void;
}

/** Rejects with `INVALID_ARGUMENT`, `CONFLICT` or `DATA_DIR_UNUSABLE`, and then there is nothing at the destination. */
export async function backUpData(parts: BackupParts, destination: string): Promise<Backup> {
  const { store, artifactsDirectory, clock } = parts;
  const startedMs = clock.nowMs();
  const directory = resolve(destination);
  if (parts.dataDir === undefined) {
    const why = 'The host keeps everything in memory: there is nothing on disk to copy. Give it a data directory.';
    throw new TroupeError('CONFLICT', why);
  }
  const release = parts.keepCode();
  let partial: string | undefined;
  try {
    await mkdir(dirname(directory), { recursive: true });
    await checkDestination(directory, parts.dataDir);
    await checkRoom(directory, parts.dataDir, artifactsDirectory);
    partial = await mkdtemp(`${directory}.partial-`);
    await store.backup(partial);
    await copyTree(artifactsDirectory, join(partial, 'artifacts'), NO_CODE);
    await flush(partial);
    const bytes = await treeBytes(partial);
    // Another one may have been put there meanwhile: only what is empty gives way.
    await rmdir(directory).catch(ignoreMissing);
    await rename(partial, directory);
    await flush(dirname(directory));
    return { directory, bytes, tookMs: clock.nowMs() - startedMs };
  } catch (thrown) {
    if (partial !== undefined) await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw thrown instanceof TroupeError ? thrown : unusable(directory, thrown);
  } finally {
    release();
  }
}

async function checkDestination(directory: string, dataDir: string): Promise<void> {
  const place = join(await realpath(dirname(directory)), basename(directory));
  const source = await realpath(dataDir);
  if (place === source || place.startsWith(source + sep)) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `${directory} lies in the data directory itself. Choose a place outside of it, on another disk if there is one.`,
    );
  }
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new TroupeError('CONFLICT', `${directory} exists and is not empty. A backup goes to a directory of its own.`);
}

async function checkRoom(directory: string, dataDir: string, artifactsDirectory: string): Promise<void> {
  const needed = (await treeBytes(join(dataDir, 'store'))) + (await treeBytes(artifactsDirectory));
  const { bavail, bsize } = await statfs(dirname(directory));
  const free = bavail * bsize;
  if (free >= needed + RESERVE_BYTES) return;
  throw new TroupeError(
    'DATA_DIR_UNUSABLE',
    `The copy takes ${needed} bytes, and where it goes ${free} are free: too little would be left. Make room, or choose another disk.`,
    { details: { needed, free } },
  );
}

function unusable(directory: string, cause: unknown): TroupeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TroupeError('DATA_DIR_UNUSABLE', `No backup can be made at ${directory}: ${why}.`, { cause });
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
