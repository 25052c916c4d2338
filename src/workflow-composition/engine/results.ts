/** What came of an execution, as those who wait for it are told. Pure. */
import type { SerializedError } from '../../errors.ts';
import type { ExecutionState } from '../execution-state.ts';
import type { ExecutionStore } from '../execution-store/protocol.ts';
import { fold } from '../fold.ts';
import type { ExecutionResult } from './protocol.ts';
import { summaryOf } from './views.ts';

export function resultOf({
  status,
  output,
  error,
  cancelReason,
}: Pick<ExecutionState, 'status' | 'output' | 'error' | 'cancelReason'>): ExecutionResult {
  if (status === 'succeeded') return { kind: 'succeeded', output };
  if (status === 'failed' && error) return { kind: 'failed', error };
  return { kind: 'cancelled', reason: cancelReason ?? 'for no reason that is known' };
}

/** Of one that has ended; undefined where there is none. */
export function storedResult(store: ExecutionStore, id: string): ExecutionResult | undefined {
  const events = store.read(id);
  if (events) return resultOf(fold(id, events));
  const compacted = store.compacted(id);
  if (!compacted) return undefined;
  const { summary, output } = compacted;
  const { status, error } = summary;
  return resultOf({ status, ...(output && { output }), ...(error && { error }) });
}

/** Ends a journal whose execution cannot: rejects as the store does. */
export async function appendFailure(
  store: ExecutionStore,
  id: string,
  { error, atMs }: { readonly error: SerializedError; readonly atMs: number },
): Promise<void> {
  const events = store.read(id) ?? [];
  if (events.length === 0) return;
  const event = { type: 'executionFailed', error, atMs } as const;
  const state = fold(id, [...events, event]);
  await store.append({ id, expectedLength: events.length, events: [event], open: undefined, ended: summaryOf(state) });
}
