/** Ctrl-C: the first asks the command to stop in good order, the second ends the process at once (invariant 3). */
import { TroupeError } from '../errors.ts';
import type { Terminal } from './terminal.ts';

const INTERRUPTED = 130;

/** What a command may take to stop in good order; longer, and it is stuck in somebody's code. */
const PATIENCE_MS = 2_000;

/** The last is a terminal that was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts {
  /** Aborted by the first. */
  readonly signal: AbortSignal;
  /** Signals do again what they do by default. */
  release(): void;
}

export function catchInterrupts(first: () => void = () => {}): Interrupts {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
    first();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  return {
    signal: controller.signal,
    release() {
      for (const signal of SIGNALS) process.off(signal, interrupt);
    },
  };
}

/**
 * Runs a command with a signal that the first interrupt aborts, or the end of whoever reads its output (invariant 4). Rejects with
 * `CANCELLED` when it was interrupted; that nobody reads on is no failure.
 */
export async function interruptible(terminal: Terminal, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupts = catchInterrupts(() => void setTimeout(() => process.exit(INTERRUPTED), PATIENCE_MS).unref());
  try {
    await run(AbortSignal.any([interrupts.signal, terminal.closed]));
  } catch (thrown) {
    if (!interrupts.signal.aborted && !terminal.closed.aborted) throw thrown;
  } finally {
    interrupts.release();
  }
  if (interrupts.signal.aborted) throw interrupted();
}

/** Resolves at the abort. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** For what cannot be told to stop: at the abort it is left behind, and this rejects with `CANCELLED`. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Left behind, it may still reject.
  promise.catch(() => {});
  return Promise.race([
    promise,
    aborted(signal).then((): never => {
      throw interrupted();
    }),
  ]);
}

function interrupted(): TroupeError {
  return new TroupeError('CANCELLED', 'Interrupted.');
}
