/** Tells apart what a handler may return: a value, a promise of one, or a reply that comes later. */

/** Any thenable counts: libraries and other realms have promises of their own. */
export function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function';
}

export function isLater(result: unknown): result is { later: PromiseLike<unknown> } {
  return typeof result === 'object' && result !== null && 'later' in result && isThenable(result.later);
}
