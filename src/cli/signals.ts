/** Ctrl-C: the first asks the command to stop in good order, the second ends the process at once. */
import { TroupeError } from '../errors.ts';

const INTERRUPTED = 130;

/** Runs a command with a signal that the first interrupt aborts. Rejects with `CANCELLED` when it was interrupted. */
export async function interruptible(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    await run(controller.signal);
    if (controller.signal.aborted) throw new TroupeError('CANCELLED', 'Interrupted.');
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** Resolves at the first interrupt. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
