/** Starts `fixtures/store-process.ts` in a process of its own. Node 20 runs no TypeScript, so it is bundled first. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

const script = join(import.meta.dirname, '../../node_modules/.cache/troupe-test/store-process.mjs');
let bundled: Promise<unknown> | undefined;

export interface StoreProcess {
  readonly child: ChildProcess;
  /** The next line of its report; rejects when it ends without one. */
  next(): Promise<Record<string, unknown>>;
  kill(): Promise<void>;
}

export async function startStoreProcess(
  mode: string,
  dataDir: string,
  fileBlocks = 'unlimited',
): Promise<StoreProcess> {
  bundled ??= build({
    entryPoints: [join(import.meta.dirname, 'fixtures/store-process.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
  });
  await bundled;
  // `ulimit -f` counts blocks of 512 or 1,024 bytes, and makes any larger file fail as on a full disk.
  const command = 'ulimit -f "$1" && exec "$2" "$3" "$4" "$5"';
  const child = spawn('sh', ['-c', command, 'sh', fileBlocks, process.execPath, script, mode, dataDir], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  return {
    child,
    async next() {
      const line = await lines.next();
      if (line.done) throw new Error('The store process ended.');
      return JSON.parse(line.value) as Record<string, unknown>;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
