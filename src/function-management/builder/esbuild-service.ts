/**
 * A private esbuild. esbuild keeps one child process per loaded copy of its module; stopping it would break any other user of that
 * copy in the same program. So the builders of one program share a copy of their own, and the last of them to end stops it.
 */
import { createRequire } from 'node:module';
import type * as Esbuild from 'esbuild';

const require = createRequire(import.meta.url);

let copy: typeof Esbuild | undefined;
let users = 0;

export interface EsbuildService {
  /** The first use starts the child process; esbuild does not let it keep the program alive between builds. */
  esbuild(): typeof Esbuild;
  /** Ends the child process when nobody else uses it. Calling it again does nothing. */
  release(): Promise<void>;
}

export function acquireEsbuild(): EsbuildService {
  let held = true;
  users++;
  return {
    esbuild: () => {
      copy ??= loadPrivately();
      return copy;
    },
    release: async () => {
      if (!held) return;
      held = false;
      users--;
      if (users === 0) await copy?.stop();
    },
  };
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
