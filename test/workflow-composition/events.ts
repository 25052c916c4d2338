/** Events for tests, short to write. */
import type {
  ExecutionEvent,
  ExecutionStarted,
  StepFailed,
  StepSucceeded,
} from '../../src/workflow-composition/events.ts';

export const bytes = (text: string) => new TextEncoder().encode(text);

/** So many bytes; different ones for different seeds. */
export const large = (size: number, seed = 1) => Uint8Array.from({ length: size }, (_, index) => (index * seed) % 251);

export function started(overrides: Partial<Omit<ExecutionStarted, 'type'>> = {}): ExecutionStarted {
  const base = {
    workflow: 'order',
    version: 1,
    input: bytes('in'),
    durability: 'strict',
    depth: 0,
    atMs: 1_000,
  } as const;
  return { type: 'executionStarted', ...base, ...overrides };
}

export function succeeded(step: string, overrides: Partial<Omit<StepSucceeded, 'type'>> = {}): StepSucceeded {
  return { type: 'stepSucceeded', step, attempt: 1, output: bytes(`out of ${step}`), atMs: 1_100, ...overrides };
}

export function failed(step: string, overrides: Partial<Omit<StepFailed, 'type'>> = {}): StepFailed {
  return { type: 'stepFailed', step, attempt: 1, error: { name: 'Error', message: 'no' }, atMs: 1_100, ...overrides };
}

/** One of each kind, and every field of each. */
export const EVERY_EVENT: readonly ExecutionEvent[] = [
  started({
    deadlineAtMs: 9_000,
    parent: { executionId: 'above', step: 'call' },
    headers: { 'content-type': 'text/plain', value: 'not a reference' },
    query: { value: 'neither' },
  }),
  succeeded('a', {
    headers: { etag: '1' },
    inputs: bytes('inputs'),
    timing: { startedAtMs: 1_050, queueMs: 0.1, coldStartMs: 0, runMs: 2.5 },
    tookSignal: 'go',
  }),
  failed('b', {
    error: {
      name: 'TroupeError',
      message: 'm',
      stack: 's',
      code: 'TIMEOUT',
      details: { a: [1] },
      cause: { name: 'E', message: 'c' },
    },
    retryAtMs: 2_000,
    timing: { startedAtMs: 1, queueMs: 2, coldStartMs: 3, runMs: 4 },
  }),
  { type: 'timerStarted', step: 'c', dueAtMs: 3_000, atMs: 1_200 },
  { type: 'signalAwaited', step: 'd', signal: 'go', dueAtMs: 4_000, atMs: 1_200 },
  { type: 'signalReceived', signal: 'go', payload: bytes('payload'), atMs: 1_300 },
  { type: 'executionPaused', atMs: 1_300 },
  { type: 'executionResumed', atMs: 1_300 },
  { type: 'cancelRequested', reason: 'enough', atMs: 1_400 },
  { type: 'executionRedriven', steps: ['a', 'b'], atMs: 1_400 },
  { type: 'executionSucceeded', outputOf: 'a', output: bytes('result'), atMs: 1_500 },
  { type: 'executionFailed', error: { name: 'Error', message: 'no' }, step: 'b', atMs: 1_500 },
  { type: 'executionCancelled', reason: 'enough', atMs: 1_500 },
];
