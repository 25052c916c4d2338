/** Makes a data directory usable, or says why it is not. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TroupeError } from '../errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'there is a file in its place',
  ENOTDIR: 'there is a file in its place, or in that of a directory above it',
  ENAMETOOLONG: 'its path is too long',
  ENOENT: 'nothing can be created there',
};

/** Creates the directory where it is missing; throws `DATA_DIR_UNUSABLE`. */
export function prepareDirectory(directory: string): void {
  try {
    makeDirectory(resolve(directory));
    if (!statSync(directory).isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unusable(directory, cause);
  }
}

export function unusable(directory: string, cause: unknown): TroupeError {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const reason = (typeof code === 'string' && REASONS[code]) || String(message ?? cause);
  return new TroupeError(
    'DATA_DIR_UNUSABLE',
    `The data directory ${directory} cannot be used: ${reason}. Choose another one, or mend this one.`,
    { details: { directory, reason, ...(typeof code === 'string' && { systemCode: code }) }, cause },
  );
}

/** Node's own `recursive` never returns where a file system has the parent but takes no new directory, as `/proc`. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (!existsSync(parent)) makeDirectory(parent);
  try {
    mkdirSync(directory);
  } catch (error) {
    // Another process may have been faster; that it made a directory is checked afterwards.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
