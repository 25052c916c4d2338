/**
 * Where the compiled files are that workers and agents start with. Workers run plain JavaScript, so a source tree that is run directly
 * (by a test runner) uses the `dist/` that `npm run build` wrote.
 */
import { fileURLToPath } from 'node:url';

export interface EntryPoints {
  readonly thread: string;
  readonly process: string;
  readonly agent: string;
}

/** Absolute paths; those of instances are scripts, which start sooner than modules. Whether the files exist shows when a worker starts. */
export function findEntryPoints(moduleUrl: string = import.meta.url): EntryPoints {
  const root = new URL('../../', moduleUrl);
  const built = moduleUrl.endsWith('.ts') ? new URL('../dist/', root) : root;
  const path = (relative: string) => fileURLToPath(new URL(relative, built));
  return {
    thread: path('instance-runtime/thread.cjs'),
    process: path('instance-runtime/process.cjs'),
    agent: path('resource-orchestration/node-agent/agent-process.js'),
  };
}
