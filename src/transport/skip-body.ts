/** What becomes of the body of an answer that nobody gets: to HEAD, with 204 and 304. */

/** Chunks that are let through before the call is cancelled. */
const UNSENT_CHUNKS = 16;

/** A call whose body comes to its end soon counts as succeeded, which it has. */
export async function skipBody(body: AsyncIterableIterator<Uint8Array, undefined>): Promise<void> {
  try {
    for (let chunks = 0; chunks < UNSENT_CHUNKS; chunks++) {
      const { done } = await body.next();
      if (done) return;
    }
    await body.return?.();
  } catch {
    // The answer is out; that the call failed afterwards is in the ledger.
  }
}
