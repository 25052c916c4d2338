import { beforeEach, expect, it } from 'vitest';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { WorkNotice } from '../../../src/resource-orchestration/node-agent/work-notice.ts';

let clock: VirtualClock;
let inside: string[];
let told: { readonly atMs: number; readonly workerIds: readonly string[] }[];
let notice: WorkNotice;
beforeEach(() => {
  clock = new VirtualClock();
  inside = [];
  told = [];
  notice = new WorkNotice({
    clock,
    workersWithCalls: () => [...inside],
    tell: (workerIds) => told.push({ atMs: clock.nowMs(), workerIds }),
  });
});

it('Work is told when it begins, each half second while it goes on, and when it is over', async () => {
  inside = ['w1'];
  notice.began();
  await clock.advance(1_100);
  inside = [];
  await clock.advance(60_000);
  expect(told).toEqual([
    { atMs: 0, workerIds: ['w1'] },
    { atMs: 500, workerIds: ['w1'] },
    { atMs: 1_000, workerIds: ['w1'] },
    { atMs: 1_500, workerIds: [] },
  ]);
});

it('A thousand short calls in half a second are told once more, after which nothing ticks', async () => {
  for (let call = 0; call < 1_000; call++) {
    inside = ['w1'];
    notice.began();
    inside = [];
    await clock.advance(0.4);
  }
  await clock.advance(60_000);
  expect(told.map(({ workerIds }) => workerIds)).toEqual([['w1'], []]);
});

it('A worker that gets its first call while another works is told of in time', async () => {
  inside = ['w1'];
  notice.began();
  await clock.advance(100);
  inside = ['w1', 'w2'];
  notice.began();
  await clock.advance(400);
  expect(told.at(-1)).toEqual({ atMs: 500, workerIds: ['w1', 'w2'] });
});
