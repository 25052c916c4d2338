import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExecutionEvent } from '../../src/workflow-composition/events.ts';
import { apply, begin, fold, isOver } from '../../src/workflow-composition/fold.ts';
import { bytes, EVERY_EVENT, failed, started, succeeded } from './events.ts';

const stateAfter = (...events: ExecutionEvent[]) => fold('x', [started(), ...events]);

describe('a fold', () => {
  it('begins with the start: running, without steps', () => {
    const { type: _, ...start } = started();
    expect(fold('x', [started()])).toEqual({
      id: 'x',
      started: start,
      status: 'running',
      length: 1,
      takenBack: new Map(),
      steps: new Map(),
      signals: [],
      updatedAtMs: 1_000,
      changed: [],
      derived: undefined,
    });
  });

  it('refuses a journal that is empty or begins with anything else', () => {
    for (const events of [[], [succeeded('a')]]) {
      expect(() => fold('x', events)).toThrow(
        expect.objectContaining({ code: 'JOURNAL_UNREADABLE', details: { executionId: 'x', event: 0 } }),
      );
    }
  });

  it('refuses an event of an unknown type, and says which', () => {
    const unknown = { type: 'stepTeleported', step: 'a', atMs: 1 } as unknown as ExecutionEvent;
    expect(() => stateAfter(succeeded('a'), unknown)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_UNREADABLE', details: { executionId: 'x', event: 2 } }),
    );
    expect(() => stateAfter(started())).toThrow(expect.objectContaining({ code: 'JOURNAL_UNREADABLE' }));
  });

  it('takes a success with all that came with it', () => {
    const timing = { startedAtMs: 1, queueMs: 2, coldStartMs: 3, runMs: 4 };
    const event = succeeded('a', { attempt: 3, headers: { etag: '1' }, inputs: bytes('i'), timing });
    const { type: _, attempt: __, ...rest } = event;
    expect(stateAfter(event).steps.get('a')).toEqual({ status: 'succeeded', attempts: 3, ...rest });
  });

  it('tells a failure that is retried from one that is for good, and forgets it after a success', () => {
    const retried = failed('a', { retryAtMs: 2_000 });
    expect(stateAfter(retried).steps.get('a')).toMatchObject({ status: 'retrying', attempts: 1, dueAtMs: 2_000 });
    const final = stateAfter(retried, failed('a', { attempt: 2 })).steps.get('a');
    expect(final).toEqual({
      step: 'a',
      status: 'failed',
      attempts: 2,
      error: { name: 'Error', message: 'no' },
      atMs: 1_100,
    });
    expect(stateAfter(retried, succeeded('a', { attempt: 2 })).steps.get('a')).not.toHaveProperty('error');
  });

  it('knows what sleeps and what waits for a signal', () => {
    const state = stateAfter(
      { type: 'timerStarted', step: 'a', dueAtMs: 5_000, atMs: 1_100 },
      { type: 'signalAwaited', step: 'b', signal: 'go', atMs: 1_200 },
    );
    expect([...state.steps.values()]).toEqual([
      { step: 'a', status: 'sleeping', attempts: 0, dueAtMs: 5_000, atMs: 1_100 },
      { step: 'b', status: 'awaiting', attempts: 0, signal: 'go', atMs: 1_200 },
    ]);
  });

  it('keeps signals until a step takes the oldest one of its name', () => {
    const signal = (name: string, payload: string): ExecutionEvent => {
      return { type: 'signalReceived', signal: name, payload: bytes(payload), atMs: 1_100 };
    };
    const state = stateAfter(
      signal('go', '1'),
      signal('stop', '2'),
      signal('go', '3'),
      succeeded('a', { tookSignal: 'go' }),
    );
    expect(state.signals).toEqual([
      { signal: 'stop', payload: bytes('2') },
      { signal: 'go', payload: bytes('3') },
    ]);
    expect(stateAfter(succeeded('a', { tookSignal: 'never' })).signals).toEqual([]);
  });

  it('pauses, goes on, and is cancelled in two steps', () => {
    const paused = stateAfter({ type: 'executionPaused', atMs: 2 });
    expect([paused.status, isOver(paused)]).toEqual(['paused', false]);
    apply(paused, { type: 'executionResumed', atMs: 3 });
    expect(paused.status).toBe('running');
    apply(paused, { type: 'cancelRequested', reason: 'enough', atMs: 4 });
    expect(paused).toMatchObject({ status: 'cancelling', cancelReason: 'enough' });
    expect(paused).not.toHaveProperty('endedAtMs');
    apply(paused, { type: 'executionCancelled', reason: 'enough', atMs: 5 });
    expect(paused).toMatchObject({ status: 'cancelled', cancelReason: 'enough', endedAtMs: 5, length: 5 });
    expect(isOver(paused)).toBe(true);
  });

  it('ends with the output of a step, with one of its own, with none, or with an error', () => {
    const end = (event: Partial<ExecutionEvent>) =>
      stateAfter(succeeded('a'), { type: 'executionSucceeded', atMs: 9, ...event } as ExecutionEvent);
    expect(end({ outputOf: 'a' })).toMatchObject({ status: 'succeeded', output: bytes('out of a'), endedAtMs: 9 });
    expect(end({ output: bytes('own') }).output).toEqual(bytes('own'));
    expect(end({ outputOf: 'gone' })).not.toHaveProperty('output');
    const error = { name: 'Error', message: 'no' };
    expect(stateAfter({ type: 'executionFailed', error, step: 'b', atMs: 9 })).toMatchObject({
      status: 'failed',
      error,
      failedStep: 'b',
      endedAtMs: 9,
    });
    expect(stateAfter({ type: 'executionFailed', error, atMs: 9 })).not.toHaveProperty('failedStep');
  });

  it('is as if the steps named by a redrive had never run, and has the others decided anew', () => {
    const state = stateAfter(succeeded('a'), failed('b'), {
      type: 'executionFailed',
      error: { name: 'E', message: 'm' },
      step: 'b',
      atMs: 2,
    });
    state.derived = 'of before';
    state.changed = [];
    apply(state, { type: 'executionRedriven', steps: ['b'], atMs: 3 });
    expect(state).toEqual({ ...stateAfter(succeeded('a')), length: 5, redrivenAtMs: 3, updatedAtMs: 3 });
    expect(state.changed).toEqual(['a']);
    apply(state, succeeded('b'));
    expect([...state.steps.keys()]).toEqual(['a', 'b']);
  });

  it('names each step that has changed, in order', () => {
    expect(
      stateAfter(succeeded('a'), { type: 'executionPaused', atMs: 2 }, failed('b'), succeeded('a')).changed,
    ).toEqual(['a', 'b', 'a']);
  });

  it('gives the same for a whole journal as event by event, whatever the events are', () => {
    const [start, ...others] = EVERY_EVENT;
    if (start?.type !== 'executionStarted') throw new Error('no start');
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...others), { maxLength: 40 }), (events) => {
        const state = begin('x', start);
        for (const [index, event] of events.entries()) {
          apply(state, event);
          expect(state).toEqual(fold('x', [start, ...events.slice(0, index + 1)]));
        }
        expect(state.length).toBe(events.length + 1);
      }),
      { numRuns: 50 },
    );
  });
});
