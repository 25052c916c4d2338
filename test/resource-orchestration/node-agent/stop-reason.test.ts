import { expect, it } from 'vitest';
import {
  agentLostError,
  endError,
  processEnd,
  threadEnd,
} from '../../../src/resource-orchestration/node-agent/stop-reason.ts';

const HEAP_FULL =
  'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0xb7a940 node::Abort()';

it('tells the ends of a thread apart', () => {
  const full = Object.assign(new Error('Worker terminated'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
  expect(threadEnd(full, 1, '')).toMatchObject({ reason: 'out-of-memory', error: { code: 'OUT_OF_MEMORY' } });
  expect(threadEnd(new TypeError('x is no function'), 1, '')).toMatchObject({
    reason: 'crashed',
    error: { name: 'TypeError', message: 'x is no function' },
  });
  expect(threadEnd('thrown text', 1, '')).toMatchObject({ reason: 'crashed', error: { message: 'thrown text' } });
  expect(threadEnd(undefined, 3, 'last words')).toMatchObject({
    reason: 'exited',
    error: { details: { exitCode: 3, stderr: 'last words' } },
  });
});

it('tells the ends of a process apart', () => {
  expect(processEnd(null, 'SIGABRT', HEAP_FULL)).toMatchObject({ reason: 'out-of-memory' });
  expect(processEnd(134, null, HEAP_FULL)).toMatchObject({ reason: 'out-of-memory' });
  expect(processEnd(null, 'SIGABRT', 'Assertion failed')).toMatchObject({ reason: 'crashed' });
  expect(processEnd(134, null, '')).toMatchObject({ reason: 'crashed' });
  expect(processEnd(null, 'SIGSEGV', '')).toMatchObject({
    reason: 'crashed',
    error: { details: { signal: 'SIGSEGV' } },
  });
  expect(processEnd(0, null, '')).toMatchObject({ reason: 'exited', error: { details: { exitCode: 0 } } });
  // What a function prints does not make its exit a lack of memory.
  expect(processEnd(0, null, HEAP_FULL)).toMatchObject({ reason: 'exited' });
});

it('gives each end the code that calls inside are answered with', () => {
  const code = (reason: Parameters<typeof endError>[1]['reason']) => endError('w1', { reason }).code;
  expect(code('out-of-memory')).toBe('OUT_OF_MEMORY');
  expect(code('crashed')).toBe('INSTANCE_CRASHED');
  expect(code('exited')).toBe('INSTANCE_CRASHED');
  expect(code('agent-lost')).toBe('AGENT_LOST');
  const error = endError('w1', { reason: 'crashed', error: { name: 'RangeError', message: 'too far', stack: 'here' } });
  expect(error.message).toContain('too far');
  expect(error.cause).toMatchObject({ name: 'RangeError', message: 'too far', stack: 'here' });
});

it('says of a lost agent what took it', () => {
  const left = { why: undefined, exitCode: null, signal: 'SIGABRT', stderr: HEAP_FULL };
  expect(agentLostError('a1', left).message).toContain('ran out of memory');
  expect(agentLostError('a1', { ...left, stderr: '', why: 'Its pipe closed.' }).message).toContain('pipe closed');
});
