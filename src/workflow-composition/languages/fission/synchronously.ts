/**
 * Work that most often is done at once and sometimes has to wait: written as a generator that yields the promises it meets. It costs no turn of
 * the event loop where it meets none.
 */
export type Work<T> = Generator<Promise<unknown>, T, unknown>;

export function run<T>(work: Work<T>): T | Promise<T> {
  const step = work.next();
  return step.done ? step.value : goOn(work, step.value);
}

async function goOn<T>(work: Work<T>, first: Promise<unknown>): Promise<T> {
  let awaited = first;
  for (;;) {
    let step: IteratorResult<Promise<unknown>, T>;
    try {
      step = work.next(await awaited);
    } catch (thrown) {
      step = work.throw(thrown);
    }
    if (step.done) return step.value;
    awaited = step.value;
  }
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
