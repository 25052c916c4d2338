/**
 * A private esbuild. esbuild keeps one child process per loaded copy of its module; stopping it would break any other user of that
 * copy in the same program. So the builders of one program share a copy of their own, and the last of them to end stops it. It is also
 * stopped when nobody has built for a while: it holds 20 MiB and asks each second whether we are still there.
 */
import { createRequire } from 'node:module';
import type * as Esbuild from 'esbuild';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';

const require = createRequire(import.meta.url);

/** Starting it again takes 10 ms. */
const IDLE_MS = 10_000;

let copy: typeof Esbuild | undefined;
let users = 0;
let running = 0;
let cancelStop: CancelTimer = () => {};

export interface EsbuildService {
  /** Runs a build. The child process is started where there is none; esbuild does not let it keep the program alive between builds. */
  use<T>(build: (esbuild: typeof Esbuild) => Promise<T>): Promise<T>;
  /** Ends the child process when nobody else uses it. Calling it again does nothing. */
  release(): Promise<void>;
}

export function acquireEsbuild(clock: Pick<Clock, 'after'>): EsbuildService {
  let held = true;
  users++;
  return {
    use: async (build) => {
      cancelStop();
      copy ??= loadPrivately();
      running++;
      try {
        return await build(copy);
      } finally {
        if (--running === 0) cancelStop = clock.after(IDLE_MS, stopIdle);
      }
    },
    release: async () => {
      if (!held) return;
      held = false;
      users--;
      if (users > 0) return;
      cancelStop();
      await copy?.stop();
    },
  };
}

/** The next build starts it again. */
function stopIdle(): void {
  if (running === 0) void copy?.stop();
}

function loadPrivately(): typeof Esbuild {
  const file = require.resolve('esbuild');
  const shared = require.cache[file];
  delete require.cache[file];
  try {
    return require('esbuild') as typeof Esbuild;
  } finally {
    if (shared) require.cache[file] = shared;
    else delete require.cache[file];
  }
}
