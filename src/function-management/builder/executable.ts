/** Reads an executable source: one regular file with an executable bit. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { TroupeError } from '../../errors.ts';
import type { InputFile } from './build-record.ts';

const EXECUTABLE_BITS = 0o111n;

/** Throws `BUILD_FAILED` when the file cannot be executed. */
export async function readExecutable(
  path: string,
  maxSourceBytes: number,
  readAtMs: number,
): Promise<{ readonly code: Uint8Array; readonly input: InputFile }> {
  const facts = await stat(path, { bigint: true });
  if (facts.size > BigInt(maxSourceBytes)) {
    throw new TroupeError('BUILD_FAILED', `${path} is ${facts.size} bytes long; the limit is ${maxSourceBytes}.`, {
      details: { file: path },
    });
  }
  const code = await readFile(path);
  if ((facts.mode & EXECUTABLE_BITS) === 0n) {
    const start = code.subarray(0, 2).toString('latin1') === '#!' ? 'It starts with "#!", but it' : 'It';
    throw new TroupeError(
      'BUILD_FAILED',
      `${path} cannot be executed. ${start} has no executable bit: chmod +x ${path}`,
      {
        details: { file: path },
      },
    );
  }
  const { size, mtimeNs, ctimeNs, ino } = facts;
  const sha256 = createHash('sha256').update(code).digest('hex');
  return { code, input: { path, sha256, readAtMs, stamp: `${size}|${mtimeNs}|${ctimeNs}|${ino}` } };
}
