/**
 * Where the artifacts of a host without a data directory lie: a temporary directory that does not outlive the program, also when it
 * ends without closing its host.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface TemporaryDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** One listener for all hosts of a program: Node warns of a leak at the eleventh. */
const leftOver = new Set<string>();
const removeLeftOver = () => {
  for (const path of leftOver) rmSync(path, { recursive: true, force: true });
};

export async function makeTemporaryArtifacts(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'troupe-'));
  if (leftOver.size === 0) process.on('exit', removeLeftOver);
  leftOver.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      leftOver.delete(path);
      if (leftOver.size === 0) process.removeListener('exit', removeLeftOver);
    },
  };
}
