/**
 * Keeps the process alive while somebody waits for something. Nothing else that the runtime holds does (timers, threads, sockets are
 * unreferenced), so a program that forgets to close its host still ends, and one that awaits a call never ends before the answer.
 */

/** `setInterval` takes no longer one; the timer never fires before. */
const LONGEST_INTERVAL_MS = 2_147_483_647;

export class ProcessHold {
  readonly #timer: NodeJS.Timeout;
  #holders = 0;

  constructor() {
    this.#timer = setInterval(() => {}, LONGEST_INTERVAL_MS);
    this.#timer.unref();
  }

  begin(): void {
    if (this.#holders++ === 0) this.#timer.ref();
  }

  end(): void {
    if (--this.#holders === 0) this.#timer.unref();
  }

  async while<T>(promise: Promise<T>): Promise<T> {
    this.begin();
    try {
      return await promise;
    } finally {
      this.end();
    }
  }
}

/** Keeps the process alive until the promise settles. */
export async function holdProcess<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_INTERVAL_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
