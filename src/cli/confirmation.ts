/** Asks a person before something is done that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { TroupeError } from '../errors.ts';
import type { Terminal } from './terminal.ts';

/** Throws `INVALID_ARGUMENT` where there is nobody to ask. */
export async function isConfirmed(question: string, terminal: Terminal, signal: AbortSignal): Promise<boolean> {
  if (!terminal.isInteractive || process.stdin.isTTY !== true) {
    throw new TroupeError('INVALID_ARGUMENT', `${question} Say so with --yes: there is nobody here to ask.`);
  }
  // Line by line: a terminal in raw mode would keep Ctrl-C for itself.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
