/** Runs a command without a process of its own: for what is refused before anything starts, and for hosts that are made of functions. */
import pc from 'picocolors';
import { main } from '../../src/cli/main.ts';
import type { Ran } from './troupe-process.ts';

export interface InProcessOptions {
  readonly isInteractive?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export async function inProcess(args: readonly string[], options: InProcessOptions = {}): Promise<Ran> {
  const { isInteractive = false, columns = 80, rows = 24 } = options;
  const ran = { stdout: '', stderr: '' };
  const code = await main(args, {
    out: (line) => {
      ran.stdout += `${line}\n`;
    },
    note: (line) => {
      ran.stderr += `${line}\n`;
    },
    raw: (text) => {
      ran.stdout += text;
    },
    drained: async () => {},
    closed: new AbortController().signal,
    isInteractive,
    columns,
    rows,
    outColors: pc.createColors(false),
    noteColors: pc.createColors(false),
  });
  return { code, ...ran };
}
