import { describe, expect, it } from 'vitest';
import { encodePayload } from '../src/transport/codec.ts';
import type { ExecutionEvent } from '../src/workflow-composition/events.ts';
import { type WorkflowParts, Workflows } from '../src/workflows.ts';

const started: ExecutionEvent = {
  type: 'executionStarted',
  atMs: 1,
  workflow: 'order',
  version: 1,
  input: encodePayload({ id: 17 }),
  durability: 'strict',
  depth: 0,
};
const failed: ExecutionEvent = { type: 'executionFailed', atMs: 2, error: { name: 'Error', message: 'x' } };
const redriven: ExecutionEvent = { type: 'executionRedriven', atMs: 3, steps: [] };
const ended: ExecutionEvent = { type: 'executionSucceeded', atMs: 4 };

/** Workflows whose engine tells this past at once, and then what the test lets it tell. */
function watching(past: readonly ExecutionEvent[]) {
  let tell: (event: ExecutionEvent) => void = () => {};
  let stops = 0;
  const ask = async (_: string, body: { readonly event: typeof tell }) => {
    tell = body.event;
    for (const event of past) tell(event);
    return { stop: () => void stops++ };
  };
  const parts = { hold: { while: <T>(promise: Promise<T>) => promise }, engine: { ask } };
  const workflows = new Workflows(parts as unknown as WorkflowParts);
  const seen: string[] = [];
  const watch = (signal?: AbortSignal) => workflows.watch('a', ({ type }) => void seen.push(type), signal);
  return { watch, seen, tell: (event: ExecutionEvent) => tell(event), stops: () => stops };
}

const turn = () => new Promise(setImmediate);

describe('Workflows.watch', () => {
  it('resolves at the end of an execution that had ended before', async () => {
    const { watch, seen, stops } = watching([started, failed]);
    await watch();
    expect([seen, stops()]).toEqual([['executionStarted', 'executionFailed'], 1]);
  });

  it('goes on beyond an end in the past of an execution that was redriven', async () => {
    const { watch, seen, tell, stops } = watching([started, failed, redriven]);
    let isOver = false;
    const watched = watch().then(() => {
      isOver = true;
    });
    await turn();
    expect(isOver).toBe(false);
    tell(ended);
    await watched;
    expect([seen.at(-1), stops()]).toEqual(['executionSucceeded', 1]);
  });

  it('tells nothing more once its signal is aborted', async () => {
    const { watch, seen, tell, stops } = watching([started]);
    const controller = new AbortController();
    const watched = watch(controller.signal);
    await turn();
    controller.abort();
    await watched;
    tell(failed);
    expect([seen, stops()]).toEqual([['executionStarted'], 1]);
  });
});
